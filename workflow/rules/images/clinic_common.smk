# What a clinic adds to the pictures: files with labels, consents and withdrawals, and the day to judge consents for.

import os
from datetime import date

from avatarflow.intake.consent.day import VARIABLE, day_to_judge

# the day that this run began on: all its jobs judge consents for one day
if workflow.is_main_process:
    os.environ[VARIABLE] = date.today().isoformat()
DAY_RECORD = "results/{map}/{name}/consent_day.json"


def has_consents(wildcards):
    """Whether the consents of an entry's patients are checked; audits check none."""
    return bool(config[wildcards.map][wildcards.name].get("consent", {}).get("files"))


def consent_files(wildcards):
    """The files with consents as inputs, or none."""
    if not has_consents(wildcards):
        return {}
    files = config[wildcards.map][wildcards.name]["consent"]["files"]
    return {"consents": named_files(wildcards, files, "consent.files")}


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
    files = [*consent_files(wildcards)["consents"], *originals_manifest(wildcards).values()]
    files += withdrawn_list(wildcards).values()
    folder = originals(wildcards).get("dicom")
    pictures = _digest_of_pictures({"manifest": None, "dicom": folder}) if folder else ""
    return config_digest([part["consent"], contents_digest(files), pictures])


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
    for place, path in enumerate(paths, start=1):
        if not Path(path).is_file():
            where = f"config {wildcards.map}.{wildcards.name}.{key}: file {place}"
            raise refuse(where, f"no file {path}", "check it, data_root and AVATARFLOW_DATA")
    return paths


def label_files(wildcards):
    """The FHIR files with labels as inputs, or none."""
    fhir = originals(wildcards).get("fhir")
    return {"labels": named_files(wildcards, fhir["files"], "source.fhir.files")} if fhir else {}


def withdrawn_list(wildcards):
    """The list of patients who have withdrawn as an input, or none."""
    path = config[wildcards.map][wildcards.name].get("withdrawn")
    return {"withdrawn": named_files(wildcards, [path], "withdrawn")[0]} if path else {}


def named_beside(wildcards):
    """Files with labels and withdrawals that an entry names beside its pictures."""
    return [*label_files(wildcards).get("labels", []), *withdrawn_list(wildcards).values()]
