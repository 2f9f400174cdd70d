"""A site's answer to a request: how many patients there are, and how many permit it. No picture is decoded."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError, Problems, noting, refuse
from avatarflow.core.paths import data_path
from avatarflow.intake.consent.decisions import DENY, EXPIRED, FUTURE, INACTIVE, NONE, NOT_KNOWN
from avatarflow.intake.consent.gate import (
    AHEAD,
    NO_DAY,
    OUTSIDE,
    ConsentFiles,
    columns_of,
    open_gate,
)
from avatarflow.intake.fhir.uses import is_given
from avatarflow.intake.listed_rows import list_rows, refused_by_cells
from avatarflow.intake.patients.persons import KEY
from avatarflow.intake.refusals import CONSENT
from avatarflow.intake.sources.rows import Place
from avatarflow.intake.tables.manifest import ROW
from avatarflow.runs.context import Step

from .content import CONSENT_KEYS, FORMAT, KEYS, asked_of, digest_of, naming_problems
from .hiding import LEAST, Shown, bounds, safe_columns, show
from .resources import content_of

MOST_BYTES = 2**20
REQUEST_KEYS = frozenset(
    ("format", "name", "title", "purpose", "retention", "applicant", "asked", "elements",
     "techniques", "digest")
)  # fmt: skip
NAME = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
PERMITTED, UNUSABLE = "permitted", "no picture with usable labels"
SEVERAL, NO_VALUE = "several values", "no value"
PICTURES = tuple(reason.removeprefix(f"{CONSENT}: ") for reason in (OUTSIDE, AHEAD, NO_DAY))
REASONS = (DENY, NOT_KNOWN, EXPIRED, FUTURE, INACTIVE, NONE, *PICTURES, UNUSABLE)
"""Why a patient is not permitted, each one once: for the first of these that holds."""
DO_ASK = "ask the sender for the request as it was written"


@dataclass(frozen=True)
class Patients:
    """Counts of patients and pictures as they are, before anything is hidden."""

    by_outcome: Counter[str]
    pictures: Counter[str]
    columns: Mapping[str, Mapping[str, int]]
    """The permitted patients by the values of their pictures, for each condition."""


def read_request(path: str | Path) -> dict[str, Any]:
    """Read a request: the file itself, or the Library that holds it.

    Raises
    ------
    AvatarflowError
        If it is damaged, was changed after it was written, or asks for what a request may not.
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError:
        raise refuse("request", "it cannot be read", "check its path and its rights") from None
    content = _object(text)
    if "resourceType" in content:
        content = _object(content_of(content))
    if content.get("format") != FORMAT or set(content) != REQUEST_KEYS:
        raise refuse("request", f"not of the form '{FORMAT}'", DO_ASK)
    if digest_of(content) != content["digest"]:
        raise refuse("request", "changed after it was written", DO_ASK)
    with Problems() as problems:
        if not isinstance(content["name"], str) or not NAME.fullmatch(content["name"]):
            problems.add("request", "a name that is none", DO_ASK)
        if not _is_asked(content["asked"]):
            problems.add("request", "it asks for other keys than a request may set", DO_ASK)
    return content


def site_entry(config: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the site's entry with what is asked put over it, as Snakemake puts a second config file.

    Parameters
    ----------
    config : mapping
        The site's configuration, whose entry of the request's name says where its data lie.
    request : mapping

    Raises
    ------
    AvatarflowError
        If the entry does not answer this request; all problems at once.
    """
    name = request["name"]
    releases = config.get("releases")
    if not isinstance(releases, Mapping) or name not in releases:
        found = f"no entry '{name}'"
        raise refuse("config releases", found, "give your entry the name of the request")
    merged = merge(config, {"releases": {name: request["asked"]}})
    entry: dict[str, Any] = load(merged)["releases"][name]
    problems, where = Problems(), f"config releases.{name}"
    for key, (own, asked) in _differences(asked_of(entry), request["asked"]):
        if own != asked:
            problems.add(f"{where}.{key}", "more than the request asks", "take your own values out")
    if entry["source"]["generate"] is not None:
        problems.add(f"{where}.source", "generated eyes have no patients", "name your pictures")
    if not is_given(entry["consent"]):
        found = "none, and the request asks what patients permitted"
        problems.add(
            f"{where}.consent.files", found, "name the files with their consents, or a server"
        )
    for line in naming_problems(where, entry):
        problems.add(*line)
    problems.raise_if_any()
    return entry


def merge(config: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with another one over it: mappings are joined, other values replaced."""
    merged = dict(config)
    for key, value in over.items():
        own = merged.get(key)
        joined = isinstance(value, Mapping) and isinstance(own, Mapping)
        merged[key] = merge(own, value) if joined else value  # type: ignore[arg-type]
    return merged


def count(entry: dict[str, Any], data_root: str | None, day: str) -> Patients:
    """Count the patients that an entry selects, by what their consents permit.

    Parameters
    ----------
    entry : dict
        As from `site_entry`.
    data_root : str or None
        `data_root` of the config.
    day : str
        The day to judge consents for, YYYY-MM-DD.

    Raises
    ------
    AvatarflowError
        For a source, labels or consents that cannot be used; problems of rows and consents at once.
    """
    place, step = Place.of(entry, data_root), Step.null()
    consents = ConsentFiles(place.consents, day, "", "")
    withdrawn = data_path(entry["withdrawn"], data_root) if entry["withdrawn"] else None
    with Problems() as problems:
        with noting(problems):
            gate = open_gate(entry["consent"], consents, step)
        with noting(problems):
            more = [*entry["constant_per_person"], *columns_of(entry["consent"])]
            listed = list_rows(entry, place, more, withdrawn, step)
    rows = listed.selected[listed.selected[KEY].notna()]
    fit = rows[~rows[ROW].isin(refused_by_cells(listed, entry))]
    barred = gate.refused(listed.every, listed.who[KEY], [], fit[ROW]) if len(fit) else {}
    return _patients(rows, fit, barred, entry["conditions"])


def answer(
    request: Mapping[str, Any], patients: Patients, day: str, threshold: int
) -> dict[str, Any]:
    """Return the answer: counts in which nobody can be told, and the digest of the request.

    Raises
    ------
    AvatarflowError
        If the threshold hides nothing.
    """
    if threshold < LEAST:
        found = f"found {threshold}"
        raise refuse("threshold", found, f"give {LEAST} or more, so that a small count is hidden")
    outcomes = {name: show(patients.by_outcome[name], threshold) for name in (PERMITTED, *REASONS)}
    pictures = {name: _pictures(patients, name, threshold) for name in (PERMITTED, *REASONS[:-1])}
    columns = safe_columns(patients.by_outcome[PERMITTED], patients.columns, threshold)
    spans = [bounds(one, threshold) for one in outcomes.values()]
    return {
        "request": {"name": request["name"], "digest": request["digest"]},
        "day": day,
        "until": request["asked"]["consent"]["until"],
        "threshold": threshold,
        "patients": {
            "matching": {
                "at_least": sum(low for low, _ in spans),
                "at_most": sum(high for _, high in spans),
            },
            PERMITTED: outcomes.pop(PERMITTED),
            "refused": outcomes,
        },
        "pictures": {PERMITTED: pictures.pop(PERMITTED), "refused": pictures},
        "permitted_patients_by_condition": {
            column: columns.get(column, "withheld") for column in patients.columns
        },
    }


def in_words(given: Mapping[str, Any]) -> str:
    """Return an answer as one line."""
    patients, pictures = given["patients"], given["pictures"]
    matching = patients["matching"]
    return (
        f"request {given['request']['name']} ({given['request']['digest'][:12]}): "
        f"{matching['at_least']} to {matching['at_most']} patients match, {patients[PERMITTED]} of them "
        f"permit it until {given['until']}, with {pictures[PERMITTED]} pictures; judged for "
        f"{given['day']}; counts below {given['threshold']} are hidden, others rounded up"
    )


def _object(text: bytes) -> dict[str, Any]:
    """Parse one JSON object in which no key stands twice."""
    try:
        if len(text) > MOST_BYTES:
            raise ValueError
        content = json.loads(text.decode("utf-8"), object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        raise refuse("request", "no JSON object, or damaged", DO_ASK) from None
    if not isinstance(content, dict):
        raise refuse("request", "no JSON object, or damaged", DO_ASK)
    return content


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key twice")
    return content


def _is_asked(asked: Any) -> bool:
    """Whether a request sets the keys that it may set, and no other: its values are checked as a config's."""
    if not isinstance(asked, dict) or set(asked) != set(KEYS):
        return False
    consent, source = asked["consent"], asked["source"]
    if not isinstance(consent, dict) or set(consent) != set(CONSENT_KEYS):
        return False
    if not isinstance(source, dict) or set(source) - {"fhir"}:
        return False
    fhir = source.get("fhir", {"diagnoses": {}})
    return isinstance(fhir, dict) and set(fhir) == {"diagnoses"} and consent["until"] is not None


def _differences(
    own: Mapping[str, Any], asked: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for key in KEYS:
        yield key, (own[key], asked[key])


def _patients(
    rows: pd.DataFrame,
    fit: pd.DataFrame,
    barred: Mapping[int, str],
    conditions: Mapping[str, Sequence[str]],
) -> Patients:
    reason = fit[ROW].map(lambda row: barred.get(row, PERMITTED).removeprefix(f"{CONSENT}: "))
    order = {name: place for place, name in enumerate((PERMITTED, *REASONS))}
    if strange := set(reason) - set(order):
        raise AvatarflowError(f"consent: {len(strange)} reasons without a name; report it")
    first = reason.map(order).groupby(fit[KEY].to_numpy()).min() if len(fit) else pd.Series()
    names = list(order)
    by_outcome = Counter(names[int(place)] for place in first)
    by_outcome[UNUSABLE] = rows[KEY].nunique() - len(first)
    permitted = fit[reason == PERMITTED]
    columns = {
        column: _by_value(permitted, column, values) for column, values in conditions.items()
    }
    return Patients(by_outcome, Counter(reason), columns)


def _by_value(rows: pd.DataFrame, column: str, values: Sequence[str]) -> dict[str, int]:
    """Divide patients by the value of their pictures; the places are the same for all data."""
    counts = dict.fromkeys([*values, SEVERAL, NO_VALUE], 0)
    for _, own in rows.groupby(KEY)[column]:
        said = list(own.dropna().unique())
        place = said[0] if len(said) == 1 else SEVERAL if said else NO_VALUE
        counts[place] += 1
    return counts


def _pictures(patients: Patients, outcome: str, threshold: int) -> Shown:
    """Show the pictures of an outcome where its patients are shown: few of them may have many."""
    if patients.by_outcome[outcome] < threshold:
        return show(0, threshold)
    return show(patients.pictures[outcome], threshold)
