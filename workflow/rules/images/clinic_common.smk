# What a clinic adds to the pictures: labels, consents and withdrawals, from files or FHIR servers, and the day to judge consents for.

import os
from datetime import date

from avatarflow.core.errors import Problems
from avatarflow.intake.consent.day import VARIABLE, day_to_judge
from avatarflow.intake.fhir.server import read_server
from avatarflow.intake.fhir.uses import USES, Place, is_given, last

# the day that this run began on: all its jobs judge consents for one day
if workflow.is_main_process:
    os.environ[VARIABLE] = date.today().isoformat()
DAY_RECORD = "results/{map}/{name}/consent_day.json"


def has_consents(wildcards):
    """Whether the consents of an entry's patients are checked; audits check none."""
    part = config[wildcards.map][wildcards.name].get("consent")
    return bool(part) and is_given(part)


def consent_files(wildcards):
    """The files with consents as inputs, or none; a server is asked here, since inputs are known in every plan."""
    if not has_consents(wildcards) or downloaded(wildcards, "consents"):
        return {}
    files = config[wildcards.map][wildcards.name]["consent"]["files"]
    return {"consents": named_files(wildcards, files, "consent.files")}


DOWNLOADS = {}  # by map, name and use: a run asks a server once


def downloads(wildcards):
    """A params function: what was downloaded from FHIR servers, by use, and the digest of what it holds."""
    return {use: part for use in USES if (part := downloaded(wildcards, use))}


def downloaded(wildcards, use):
    """What was downloaded for one use, or nothing where no server is named."""
    entry = config[wildcards.map][wildcards.name]
    part = entry.get("consent") if use == "consents" else originals(wildcards).get("fhir")
    if not part or part["server"] is None:
        return {}
    if (wildcards.name, use) not in DOWNLOADS:
        DOWNLOADS[wildcards.name, use] = ask_or_remember(wildcards.name, use, part)
    return DOWNLOADS[wildcards.name, use]


def ask_or_remember(name, use, part):
    """Ask a server where jobs are going to run; else say what it held when it was asked last."""
    url, place = config["fhir_servers"][part["server"]]["url"], Place(name, use)
    if not workflow.is_main_process:
        return last(url, part["searches"], place)
    server = read_server(part["server"], config["fhir_servers"][part["server"]])
    is_run = workflow.executor_plugin is not None and not workflow.touch
    if not is_run or workflow.dryrun:
        logger.warning(f"{server.where} is not asked for {use}: what it holds may have changed")
        return last(url, part["searches"], place)
    # asking would take the files of that run away; a run of other files does not stop at its lock
    if any(Path(".snakemake/locks").glob("*")):
        found = "another run in this folder, or the lock that one left"
        raise refuse(server.where, found, "wait for its end, or call snakemake --unlock")
    from avatarflow.intake.fhir.download import ask  # only where a server is asked

    return ask(server, part["searches"], place, logger.info)


CONSENT_STATES = {}  # by map and name: files are read whole, and two params ask


def consent_state(wildcards):
    """A params function: digest of all that decisions on consents depend on but the day; empty without any."""
    if not has_consents(wildcards):
        return ""
    key = wildcards.map, wildcards.name
    if key not in CONSENT_STATES:
        CONSENT_STATES[key] = _state_of_consents(wildcards)
    return CONSENT_STATES[key]


def _state_of_consents(wildcards):
    part = config[wildcards.map][wildcards.name]
    files = [*consent_files(wildcards).get("consents", []), *withdrawn_list(wildcards).values()]
    files += originals_manifest(wildcards).values()
    folder = originals(wildcards).get("dicom")
    pictures = _digest_of_pictures({"manifest": None, "dicom": folder}) if folder else ""
    held = downloaded(wildcards, "consents").get("content", "")
    return config_digest([part["consent"], contents_digest(files), pictures, held])


def consent_day(wildcards):
    """A params function: the day to judge consents for; it changes when a decision may have changed."""
    if not has_consents(wildcards):
        return ""
    today = date.fromisoformat(os.environ.get(VARIABLE) or date.today().isoformat())
    record = DAY_RECORD.format(map=wildcards.map, name=wildcards.name)
    return day_to_judge(record, consent_state(wildcards), today)


def named_files(wildcards, files, key):
    """Files that a key of the config names, as usable paths; each must be there."""
    paths = [data(file) for file in files]
    with Problems() as problems:
        for place, path in enumerate(paths, start=1):
            if not Path(path).is_file():
                where = f"config {wildcards.map}.{wildcards.name}.{key}: file {place}"
                problems.add(where, f"no file {path}", "check it, data_root and AVATARFLOW_DATA")
    return paths


def label_files(wildcards):
    """The FHIR files with labels as inputs, or none; a server is asked here, as for consents."""
    fhir = originals(wildcards).get("fhir")
    if not fhir or downloaded(wildcards, "labels"):
        return {}
    return {"labels": named_files(wildcards, fhir["files"], "source.fhir.files")}


def withdrawn_list(wildcards):
    """The list of patients who have withdrawn as an input, or none."""
    path = config[wildcards.map][wildcards.name].get("withdrawn")
    return {"withdrawn": named_files(wildcards, [path], "withdrawn")[0]} if path else {}


def named_beside(wildcards):
    """Files with labels and withdrawals that an entry names beside its pictures."""
    return [*label_files(wildcards).get("labels", []), *withdrawn_list(wildcards).values()]
