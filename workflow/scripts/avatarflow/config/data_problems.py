"""What a schema cannot say of the user's own pictures: paths that Snakemake cannot take, limits that exclude all."""

from collections.abc import Iterator
from datetime import date
from functools import reduce
from typing import Any

from avatarflow.core.paths import data_path
from avatarflow.intake.fhir.server import search_problem, url_problem
from avatarflow.release.exports.names import C2PA_PACKAGE, C2PA_VERSION, NEEDS

from .table_problems import installed_version

BRACES = frozenset("{}")
Problem = tuple[str, str, str]


def path_problems(config: dict[str, Any]) -> Iterator[Problem]:
    """Name the inputs with braces in their path, which Snakemake would take for wildcards."""
    if BRACES & set(config["data_root"] or ""):
        yield "config data_root", "braces in a path", "rename the folder"
        return
    for where, path in _inputs(config):
        if path and BRACES & set(data_path(path, config["data_root"])):
            yield f"config {where}", "braces in a path", "rename the folder"


def _inputs(config: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    for name, entry in config["releases"].items():
        yield f"releases.{name}.source.manifest", entry["source"]["manifest"]
        yield f"releases.{name}.base.folder", entry["base"]["folder"]
        yield f"releases.{name}.withdrawn", entry["withdrawn"]
        for place, file in enumerate((entry["source"]["fhir"] or {}).get("files", []), start=1):
            yield f"releases.{name}.source.fhir.files: file {place}", file
        for place, file in enumerate(entry["consent"]["files"], start=1):
            yield f"releases.{name}.consent.files: file {place}", file
    for name, entry in config["audits"].items():
        for part in ("originals", "candidates"):
            yield f"audits.{name}.{part}.manifest", entry[part]["manifest"]
    for name, entry in config["tables"].items():
        yield f"tables.{name}.source.manifest", entry["source"]["manifest"]
        yield f"tables.{name}.population", entry["population"]
        for column, settings in entry["quasi_identifiers"].items():
            yield f"tables.{name}.quasi_identifiers.{column}.file", settings["file"]


SOURCES = ("manifest", "dicom", "generate")


def source_problems(where: str, source: dict[str, Any]) -> Iterator[Problem]:
    """Sources that exclude each other, or lack what they need."""
    chosen = [name for name in SOURCES if source[name] is not None]
    if len(chosen) != 1:
        found = "none" if not chosen else " and ".join(chosen)
        yield f"{where}.source", f"found {found}", f"give exactly one of {', '.join(SOURCES)}"
    if source["manifest"] is not None and not source["root"]:
        yield (
            f"{where}.source",
            "a manifest without its root",
            "give the folder that its file column starts from",
        )
    if source["dicom"] is not None and source["root"]:
        yield f"{where}.source.root", "found beside dicom", "take it out"
    if source["dicom"] == "":
        yield f"{where}.source.dicom", "an empty path", "give the folder with the DICOM files"
    if source["fhir"] is not None and source["generate"] is not None:
        yield f"{where}.source.fhir", "generated eyes have no patients", "take it out"


def server_problems(config: dict[str, Any]) -> Iterator[Problem]:
    """Name FHIR servers without a usable url, and uses of one that is not there, not allowed, or beside files."""
    for name, server in config["fhir_servers"].items():
        if wrong := url_problem(server["url"]):
            yield f"config fhir_servers.{name}.url", *wrong
    for name, entry in config["releases"].items():
        if entry["source"]["fhir"]:
            here = f"config releases.{name}.source.fhir"
            yield from _use_problems(here, entry["source"]["fhir"], config)
            if not entry["source"]["fhir"]["files"] and entry["source"]["fhir"]["server"] is None:
                yield here, "found neither files nor a server", "give one of them"
        yield from _use_problems(f"config releases.{name}.consent", entry["consent"], config)


def _use_problems(where: str, part: dict[str, Any], config: dict[str, Any]) -> Iterator[Problem]:
    if part["server"] is None:
        return
    if part["files"]:
        yield f"{where}.server", "found beside files", "take one of them out"
    if part["server"] not in config["fhir_servers"]:
        known = ", ".join(sorted(config["fhir_servers"])) or "none"
        yield f"{where}.server", f"no such server; there are {known}", "name one of fhir_servers"
    if not config["network_access"]:
        yield f"{where}.server", "the network is not allowed", "set network_access: true"
    for place, search in enumerate(part["searches"], start=1):
        if parameter := search_problem(search):
            yield f"{where}.searches: search {place}", f"it sets {parameter}", "take that out"


def limit_problems(where: str, limits: dict[str, Any]) -> Iterator[Problem]:
    """Limits that no picture is within."""
    if limits["min_side_px"] > limits["max_side_px"]:
        yield (
            f"{where}.limits",
            f"min_side_px {limits['min_side_px']} is over max_side_px {limits['max_side_px']}",
            "set a smaller min_side_px",
        )


def export_problems(where: str, release: dict[str, Any]) -> Iterator[Problem]:
    """Name every key that an export needs and that is empty, days that are none, and numbers in the wrong order."""
    lacking: dict[str, list[str]] = {}
    for export in release["exports"]:
        for key in NEEDS[export]:
            value = reduce(lambda part, name: part[name], key.split("."), release)
            if not (value.strip() if isinstance(value, str) else value):
                lacking.setdefault(key, []).append(export)
    for key, exports in lacking.items():
        yield f"{where}.{key}", f"empty, and needed by {', '.join(exports)}", "set it"
    health = release["health"]
    days = {"date": release["date"]}
    days |= {f"health.{key}": health[key] for key in ("retained_from", "retained_until")}
    for key, day in days.items():
        if day and not _is_day(day):
            yield f"{where}.{key}", f"{day} is no day", "write year-month-day"
    yield from _health_problems(f"{where}.health", health)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _health_problems(where: str, health: dict[str, Any]) -> Iterator[Problem]:
    """Ages and days that end before they begin, and an organisation of which only the half is named."""
    for low, high in (("min_age", "max_age"), ("retained_from", "retained_until")):
        first, last = health[low], health[high]
        if first not in (None, "") and last not in (None, "") and first > last:
            yield f"{where}.{high}", f"{last}, and {low} is {first}", f"set it to {low} or more"
    holder = health["custodian"]
    for key, other in (("name", "contact"), ("contact", "name")):
        if holder[other] and not holder[key]:
            yield f"{where}.custodian.{key}", f"empty beside {other}", "set it, or empty both"


def signing_problems(config: dict[str, Any]) -> Iterator[Problem]:
    """Name the half of `signing` that is missing; the files themselves are looked at where a release is planned."""
    given = config["signing"]
    for key, other in (("key", "certificate"), ("certificate", "key")):
        if given[key] is None and given[other] is not None:
            yield f"config signing.{key}", f"missing beside {other}", "name it, or take both out"
    for name, entry in config["releases"].items():
        if "c2pa" in entry["release"]["exports"]:
            where = f"config releases.{name}.release.exports"
            if given == {"key": None, "certificate": None}:
                yield (
                    where,
                    "c2pa without a key to sign with",
                    "name signing.key and its certificate",
                )
            if (version := installed_version(C2PA_PACKAGE)) != C2PA_VERSION:
                found = f"c2pa needs {C2PA_PACKAGE} {C2PA_VERSION}, found {version or 'none'}"
                do = f"pip install --no-deps {C2PA_PACKAGE}=={C2PA_VERSION}, or take c2pa out"
                yield where, found, do
