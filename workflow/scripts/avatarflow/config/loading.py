"""The configuration: closed schemas, defaults filled in, every problem named at once.

Imported while Snakemake parses: standard library, PyYAML and jsonschema (which Snakemake itself loads).
"""

import copy
import math
import re
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from avatarflow.core.digest import config_digest
from avatarflow.core.errors import Problems, problem
from avatarflow.generators.families import DEFAULT, FAMILIES
from avatarflow.generators.settings import lasting
from avatarflow.reads.donors.choices import donor_problems, mixture_problems
from avatarflow.reads.release.benchmark import benchmark_of_release, release_problems
from avatarflow.reads.removal.catalogue import choice_problems, shipped_tools, tool_problems
from avatarflow.reads.user_reads.choices import own_read_problems

from .consent_problems import consent_problems
from .data_problems import (
    export_problems,
    limit_problems,
    path_problems,
    server_problems,
    signing_problems,
    source_problems,
)
from .paper_problems import paper_problems
from .reader_study_problems import reader_study_problems
from .release_table import add_rows
from .table_problems import ledger_problems, table_problems

SCHEMAS = Path(__file__).resolve().parents[3] / "schemas"

RENAMED = {
    "person": "patient_id_columns",
    "select": "row_filter",
    "hardness": "hard_negative_weight",
    "left_out": "held_out_families",
    "watch": "detection_tools",
    "watchers": "detection_tools",
    "verdicts": "calls",
    "fragment_law": "fragment_distribution",
    "law": "length_distribution",
    "second_opinion": "verifier",
    "checkpoint_every": "checkpoint_steps",
    "plant": "positive_control",
}
"""Keys of older configurations and what they are called now."""
REPLACED = {
    "calibration_rejection": "missed_patients, the largest share of test patients with an accepted altered original",
    "nearest_original": "verifier_matches, the largest share of pictures that the verifier takes for an original",
}
"""Keys whose values mean something else under the name that replaces them."""
MAPS = ("releases", "read_benchmarks", "read_releases", "audits", "tables", "papers")
NO_FORM = "found {found!r}, which fits none of the allowed forms; see {page}"
NO_NAME = "found the name {found!r}; use letters a to z, digits, _ and - only"
BROKEN = {
    "anyOf": NO_FORM,
    "oneOf": NO_FORM,
    "nameType": "found the name {found!r} ({kind}); put it in quotes, since YAML reads it as no text",
    "minLength": "an empty text; give a value, or take the key out",
    "propertyNames": NO_NAME,
    "pattern": NO_NAME,
}
"""What a line says of a value that breaks one of these rules of the schema."""
SURROGATE = re.compile("[\ud800-\udfff]")
"""What PyYAML makes of a character that is escaped as JSON does it: two halves that UTF-8 cannot hold."""

Schema = dict[str, Any]


def load(config: dict[str, Any]) -> dict[str, Any]:
    """A checked copy of the configuration with every default filled in.

    Parameters
    ----------
    config : dict
        What Snakemake read from the config files and `--config`.

    Raises
    ------
    AvatarflowError
        One line per problem, all of them.
    """
    schema = _schema("config.schema.yaml")
    filled: dict[str, Any] = copy.deepcopy(config)
    add_rows(filled)
    _default_bases(filled)
    if isinstance(own := filled.get("removal_tools", {}), dict):
        filled["removal_tools"] = {**shipped_tools(), **own}
    _fill(filled, schema, schema)
    with Problems() as problems:
        problems.extend(_unusable(filled, "config"))
        problems.extend(_lines(filled, schema))
    with Problems() as problems:
        for where, found, do in _semantics(filled):
            problems.add(where, found, do)
    return filled


def _default_bases(config: dict[str, Any]) -> None:
    """A release that names no base pretrains one on generated eyes; a schema cannot say "unless another is named"."""
    releases = config.get("releases")
    for entry in releases.values() if isinstance(releases, dict) else ():
        if (
            isinstance(entry, dict)
            and entry.get("base") in (None, {})
            and _may_pretrain(entry.get("generator"))
        ):
            entry["base"] = {"pretrain": {}}


def _may_pretrain(generator: Any) -> bool:
    """Whether the family starts from a base that can be trained here; the schema names a family that is none."""
    name = generator.get("family", DEFAULT) if isinstance(generator, dict) else DEFAULT
    can = FAMILIES.get(name) if isinstance(name, str) else None
    return can is None or (can.base and not can.pretrained)


def release_benchmarks(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the read benchmark that each read release runs, by the release's name, with every default filled in.

    They have folders like those of `read_benchmarks`, so that the same rules make them. A release may therefore not
    have the name of a benchmark of the user (`release_problems`).
    """
    schema = _schema("read_benchmark.schema.yaml")
    benchmarks = {}
    for name, release in config["read_releases"].items():
        seed = config["seed"] if release["seed"] is None else release["seed"]
        benchmarks[name] = benchmark_of_release({**release, "seed": seed})
        _fill(benchmarks[name], schema, schema)
    return benchmarks


def base_settings(config: dict[str, Any], name: str) -> dict[str, Any]:
    """What a pretrained base depends on; releases with equal settings share one base."""
    entry = config["releases"][name]
    # settings of another family have no part in it
    others = set(FAMILIES) - {entry["generator"]["family"]}
    return {
        "pretrain": entry["base"]["pretrain"],
        "generator": {key: value for key, value in entry["generator"].items() if key not in others},
        "tuning": entry["base"]["tuning"],
        "network": entry["network"],
        "size_px": entry["size_px"],
        "compute": config["compute"],
        "seed": config["seed"],
    }


def base_id(config: dict[str, Any], name: str) -> str:
    """The name of the base's folder under `results/bases/`."""
    settings = base_settings(config, name)
    return config_digest({**settings, "compute": lasting(settings["compute"])})


@cache
def _schema(name: str) -> Schema:
    loaded: Schema = yaml.safe_load((SCHEMAS / name).read_text(encoding="utf-8"))
    return loaded


def _registry() -> Registry[Any]:
    """Return the schemas without their `$schema`: behind a `$ref` it would bring back the validator of the standard."""
    files = sorted(path.name for path in SCHEMAS.glob("*.schema.yaml"))
    contents = {
        name: {key: value for key, value in _schema(name).items() if key != "$schema"}
        for name in files
    }
    return Registry().with_resources(
        (name, DRAFT202012.create_resource(content)) for name, content in contents.items()
    )


def _resolve(schema: Schema, document: Schema) -> tuple[Schema, Schema]:
    """Follow `$ref` (to another file, to a `$defs` entry or both); returns the schema and the document it lies in."""
    while "$ref" in schema:
        file, _, pointer = str(schema["$ref"]).partition("#")
        document = _schema(file) if file else document
        own = {key: value for key, value in schema.items() if key != "$ref"}
        target = document
        for part in pointer.strip("/").split("/") if pointer.strip("/") else []:
            target = target[part]
        schema = {**target, **own}  # keys beside a $ref (a default, a description) win
    return schema, document


def _fill(value: Any, schema: Schema, document: Schema) -> None:
    """Set the default of every property that is not there, make 32 of 32.0 and null of "" where the schema asks so.

    At any depth.
    """
    schema, document = _resolve(schema, document)
    if isinstance(value, dict):
        for name, part in schema.get("properties", {}).items():
            resolved, _ = _resolve(part, document)
            if name not in value and "default" in resolved:
                value[name] = copy.deepcopy(resolved["default"])
            if name in value:
                value[name] = _whole(value[name], resolved)
                _fill(value[name], part, document)
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict):
            for name in set(value) - set(schema.get("properties", {})):
                value[name] = _whole(value[name], _resolve(extra, document)[0])
                _fill(value[name], extra, document)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for place, item in enumerate(value):
            value[place] = _whole(item, _resolve(schema["items"], document)[0])
            _fill(value[place], schema["items"], document)


def _whole(value: Any, schema: Schema) -> Any:
    """Turn a float into a whole number where the schema wants one and it is one, and an empty text into null.

    A cell of a sheet that was left empty, and a key whose value was deleted between its quotes, name nothing; but not
    where null would protect less (`minLength`).
    """
    kinds = schema.get("type", [])
    wanted = {kinds} if isinstance(kinds, str) else set(kinds)
    if isinstance(value, str) and not value.strip() and schema.get("type"):
        return None if "null" in wanted and not schema.get("minLength") else ""
    whole = (
        isinstance(value, float)
        and value.is_integer()
        and "integer" in wanted
        and "number" not in wanted
    )
    return int(value) if whole else value


def _unusable(value: Any, where: str) -> Iterator[str]:
    """One line per number that is none, whose limit is never reached, and per text that no file can hold."""
    texts = [value] if isinstance(value, str) else value if isinstance(value, dict) else ()
    for text in texts:
        if isinstance(text, str) and (half := SURROGATE.search(text)):
            found = f"found half a character (U+{ord(half[0]):04X})"
            yield problem(where, found, "write the character itself, or \\U and its eight digits")
    if isinstance(value, dict):
        parts: Iterable[tuple[Any, Any]] = value.items()
    else:
        parts = enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from _unusable(part, f"{where}.{name}" if where != "config" else f"config {name}")
    if isinstance(value, float) and not math.isfinite(value):
        yield problem(where, f"found {value!r}", "give a finite number")


def _pattern(
    validator: Any, pattern: str, instance: Any, schema: Schema
) -> Iterator[ValidationError]:
    """As JSON Schema's, but `$` is the end of the text, and not a newline before it."""
    if isinstance(instance, str) and (instance.endswith("\n") or not re.search(pattern, instance)):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _property_names(
    validator: Any, names: Schema, instance: Any, schema: Schema
) -> Iterator[ValidationError]:
    """As JSON Schema's, but a name that YAML reads as a number, a date or a truth value is refused, too."""
    for name in instance if isinstance(instance, dict) else ():
        if isinstance(name, str):
            yield from validator.descend(instance=name, schema=names)
        else:
            yield ValidationError("not a text", validator="nameType", instance=name)


_Validator: Any = validators.extend(
    Draft202012Validator, {"pattern": _pattern, "propertyNames": _property_names}
)  # type: ignore[no-untyped-call]


def schema_lines(value: Any, name: str, where: str, page: str) -> list[str]:
    """Return one line per violation of a schema.

    Parameters
    ----------
    value : anything
        What a YAML file holds.
    name : str
        File of the schema in workflow/schemas/.
    where : str
        What each line begins with.
    page : str
        Page that explains the keys.
    """
    unusable = [f"{where}{line.removeprefix('config')}" for line in _unusable(value, "config")]
    return [*unusable, *_lines(value, _schema(name), where, page)]


def _lines(
    config: Any, schema: Schema, where: str = "config", page: str = "config/README.md"
) -> list[str]:
    """One line per schema violation, in the order of the document."""
    validator = _Validator(schema, registry=_registry())
    errors = sorted(
        validator.iter_errors(config), key=lambda error: [str(part) for part in error.absolute_path]
    )
    return [line for error in errors for line in _line(error, where, page)]


def _line(error: ValidationError, root: str, page: str) -> Iterator[str]:
    where = f"{root} " + (".".join(str(part) for part in error.absolute_path) or "(top level)")
    found: Any = error.instance
    rule = error.validator
    wanted: Any = error.validator_value
    if rule == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))  # type: ignore[union-attr]
        for name in sorted(set(found) - set(known)):
            if name in REPLACED and REPLACED[name].partition(",")[0] in known:
                yield f"{where}: key '{name}' is no more; write {REPLACED[name]}"
            elif RENAMED.get(name) in known:
                yield f"{where}: key '{name}' has another name now; write {RENAMED[name]}"
            else:
                yield f"{where}: unknown key '{name}'; known keys are {', '.join(known)}"
    elif rule == "required":
        for name in sorted(set(wanted) - set(found)):
            yield f"{where}: key '{name}' is missing; add it"
    elif rule == "type":
        wanted = " or ".join(wanted) if isinstance(wanted, list) else wanted
        hint = f"give a value of type {wanted}"
        if isinstance(found, str) and _is_number(found):
            hint = _as_number(found, wanted)
        if "string" in wanted and isinstance(found, bool | int | float | date):
            hint = "put it in quotes, since YAML reads it as no text"
        yield f"{where}: found {found!r} ({type(found).__name__}); {hint}"
    elif rule == "enum":
        words = ", ".join("null" if word is None else str(word) for word in wanted)
        yield f"{where}: found {found!r}; use one of {words}"
    elif rule == "maxLength":
        yield f"{where}: found a text of {len(found)} characters; use at most {wanted}"
    elif rule == "pattern" and not wanted.startswith("^[A-Za-z0-9_"):
        yield f"{where}: found {found!r}, which has another form; see {page}"
    elif rule in BROKEN:
        kind = type(found).__name__
        yield f"{where}: {BROKEN[rule].format(found=found, kind=kind, page=page)}"
    else:
        yield f"{where}: {error.message}; see the range in {page}"


def _as_number(text: str, wanted: str) -> str:
    """How to write a number that YAML reads as text."""
    if "number" not in wanted and float(text).is_integer():
        return f"write it as a whole number without quotes, such as {int(float(text))}"
    if "number" not in wanted:
        return f"give a value of type {wanted}"
    if isinstance(yaml.safe_load(text), int | float):
        return f"write {text} without quotes"
    return f"give a value of type {wanted} (YAML reads {text} as text: write it with a decimal point, such as 1.0e-4)"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _semantics(config: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Rules that a schema cannot say."""
    yield from path_problems(config)
    yield from signing_problems(config)
    yield from ledger_problems(config)
    yield from server_problems(config)
    for map_name in ("releases", "audits"):
        for name, entry in config[map_name].items():
            shares = entry["split"]["shares"]
            if not math.isclose(sum(shares.values()), 1.0, abs_tol=1e-6):
                yield (
                    f"config {map_name}.{name}.split.shares",
                    f"the shares add up to {sum(shares.values()):g}",
                    "make them add up to 1",
                )
            yield from _reserved_columns(f"config {map_name}.{name}", entry)
            yield from limit_problems(f"config {map_name}.{name}", entry["limits"])
            yield from _left_out_problems(
                f"config {map_name}.{name}.cone.held_out_families", entry["cone"]
            )
    for name, entry in config["audits"].items():
        if entry["split"]["column"] is None and entry["split"]["shares"]["heldout"] > 0:
            yield (
                f"config audits.{name}.split.shares.heldout",
                "some originals would be left out of the gallery, though any of them may have been trained on",
                "set it to 0, or name those that were not trained on by split.column",
            )
        yield from _audit_labels(f"config audits.{name}", entry)
    for name, entry in config["tables"].items():
        yield from table_problems(f"config tables.{name}", entry)
    for name, entry in config["papers"].items():
        yield from paper_problems(f"config papers.{name}", entry, config)
    for name, tool in config["removal_tools"].items():
        yield from tool_problems(name, tool)
    for name, entry in config["read_benchmarks"].items():
        yield from choice_problems(name, entry, config["removal_tools"])
        yield from donor_problems(name, entry)
        yield from mixture_problems(name, entry)
        yield from own_read_problems(f"config read_benchmarks.{name}", entry)
    for name, entry in config["read_releases"].items():
        yield from release_problems(name, entry, config["read_benchmarks"])
        yield from export_problems(f"config read_releases.{name}.release", entry["release"])
        for part in ("remove", "detection_tools"):
            where = f"read_releases.{name}.{part}"
            yield from choice_problems(name, {"tools": entry[part]}, config["removal_tools"], where)
    for name, entry in config["releases"].items():
        if entry["base"]["hub"] is not None and not config["network_access"]:
            yield (
                f"config releases.{name}.base.hub",
                "the network is not allowed",
                "set network_access: true, or use folder",
            )
        if entry["differential_privacy"] and config["compute"]["processes"] > 1:
            yield (
                f"config releases.{name}.differential_privacy",
                "several processes",
                "set compute.processes to 1",
            )
        yield from _release_semantics(f"config releases.{name}", entry)


RESERVED = {
    "candidate", "copy", "eye", "field", "file", "item", "key", "mirrored", "person", "picture", "role", "row", "unit",
    "_embedded", "accepted", "angle_rad", "class_id", "guidance", "image", "reason", "risk",
    "stage", "steps",
}  # fmt: skip
"""Columns of the project's own tables; a condition of that name would overwrite one."""


def _reserved_columns(where: str, entry: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key in ("conditions", "cameras"):
        for column in sorted(RESERVED & set(entry.get(key, {}))):
            yield (
                f"{where}.{key}",
                f"the name '{column}' is reserved",
                "rename the manifest's column",
            )


def _audit_labels(where: str, entry: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """A column that is asked for twice, in an audit."""
    for column in sorted(set(entry["conditions"]) & set(entry["cameras"])):
        yield f"{where}.cameras", f"'{column}' is a condition too", "name the column once"


def _left_out_problems(where: str, cone: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    unknown = sorted(set(cone["held_out_families"]) - set(cone["families"]))
    if unknown:
        yield (
            where,
            f"{', '.join(unknown)}, not among cone.families",
            "leave out families of that list",
        )
    elif len(cone["held_out_families"]) == len(cone["families"]):
        yield where, "every family is left out", "keep at least one"


def _generator_problems(
    where: str, entry: dict[str, Any], bases: list[str]
) -> Iterator[tuple[str, str, str]]:
    """Hold what is asked against what the generator's family can do."""
    family = entry["generator"]["family"]
    can = FAMILIES[family]
    if can.base and len(bases) != 1:
        yield (
            f"{where}.base",
            f"found {', '.join(bases) or 'nothing'}",
            "give one of pretrain, folder, hub",
        )
    if bases and not can.base:
        yield (
            f"{where}.base",
            f"found {', '.join(bases)}, and {family} starts from no base",
            "take it out",
        )
    if can.pretrained and bases != ["folder"]:
        yield (
            f"{where}.base",
            f"{family} needs a folder with a pre-trained generator",
            "give base.folder alone",
        )
    if entry["near_duplicates"]["persons"] and not can.denoise:
        yield (
            f"{where}.near_duplicates",
            f"a {family} generator cannot make them",
            "set near_duplicates.persons to 0",
        )
    if entry["differential_privacy"] and family != DEFAULT:
        found = f"a {family} generator cannot be trained so"
        yield f"{where}.differential_privacy", found, "take it out"


def _release_semantics(where: str, entry: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    base = entry["base"]
    yield from source_problems(where, entry["source"])
    yield from consent_problems(where, entry)
    yield from export_problems(f"{where}.release", entry["release"])
    yield from reader_study_problems(where, entry)
    if entry["release"]["health"]["individuals"] is not None:
        yield (
            f"{where}.release.health.individuals",
            "given for pictures, which show nobody",
            "take it out: the record says 0",
        )
    chosen = [key for key in ("pretrain", "folder", "hub") if base[key] is not None]
    yield from _generator_problems(where, entry, chosen)
    if entry["near_duplicates"]["persons"] and entry["verifier"]["matcher"] == "none":
        yield f"{where}.near_duplicates", "nobody to confirm whose they are", "set verifier.matcher"
    mirror = entry["augment"]["mirror"]
    if mirror is not None and mirror["column"] not in entry["conditions"]:
        yield (
            f"{where}.augment.mirror.column",
            "not a condition column",
            "name a column listed under conditions",
        )
    classes = math.prod(len(values) + 1 for values in entry["conditions"].values())
    if classes > 1000:
        yield (
            f"{where}.conditions",
            f"{classes} combinations",
            "use at most 1,000 (missing counts as a value)",
        )
