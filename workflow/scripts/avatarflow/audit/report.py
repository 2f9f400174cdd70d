"""An audit as one HTML page, the same page with originals for internal use only, and its figures as plain values."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.counts import balance
from avatarflow.core.paths import read_json, write_json, write_text
from avatarflow.core.results import clean
from avatarflow.release.templates import embedded, fill
from avatarflow.runs.context import Step

from .answers import answers, overall
from .claim import claim

ASKED = (
    "conditions", "cameras", "size_px", "fit", "limits", "split", "fingerprint", "cone", "attacks",
    "patient_id_columns",
    "eye_columns", "verifier",
)  # fmt: skip
"""Settings that the report shows: no path, and no selection, which may name a person."""

TABLES = {
    "decisions.parquet": "one row per candidate: risk, decision, the manifest row of the matched original",
    "audit.json": "the figures of this page as plain values",
    "baselines.tsv": "what each rule says of the candidates",
    "privacy/baselines.tsv": "the cone beside published rules, on originals, at four sensitivities",
    "privacy/calibration.json": "the cones' calibration and what was measured of them",
    "attacks/attacks.json": "every attack with its controls",
    "refused.csv": "originals that were not taken in, by manifest row",
    "internal.html": "this page and the riskiest candidates beside their nearest originals; internal only",
}
PICTURES = ("risks", "plane", "baselines", "attacks")
"""Figures on both pages; none of them shows an original."""
STEPS = {
    "originals": "originals listed and selected: taken in",
    "candidates": "candidates listed: accepted, outside every cone",
}
"""What comes in and what goes on, by step."""


def audit_report(
    name: str,
    inputs: Mapping[str, str | None],
    pictures: Mapping[str, str],
    entry: Mapping[str, Any],
    outputs: Mapping[str, str],
    step: Step,
) -> None:
    """Write the pages of an audit and its figures.

    Parameters
    ----------
    name : str
        The audit's name in the config.
    inputs : mapping
        JSON files: `originals` (the pool's summary), `candidates` (theirs), `calibrated`, `weighed`, `attacks`, and
        `verifier` where one was asked for.
    pictures : mapping
        PNG files by their names in `PICTURES`, and `pairs`: candidates beside originals, an empty file without any.
    entry : mapping
        The config entry.
    outputs : mapping
        Files to write: `page` and `plain` (HTML and JSON) show no original and may be handed on; `internal` is the page
        with `pairs`.
    """
    found = audit(
        name,
        {key: read_json(path) for key, path in inputs.items() if path},
        entry,
    )
    write_json(outputs["plain"], found, allow_nan=False)
    shown = {key: embedded(pictures[key]) for key in PICTURES}
    verifier = {"foreign": found["verifier"]} if found["verifier"] else {}
    for page, pairs in (("page", ""), ("internal", embedded(pictures["pairs"]))):
        text = fill(
            "audit_report.html.j2",
            audit=found,
            pictures=shown,
            pairs=pairs,
            tables=TABLES,
            steps=STEPS,
            counts=found["counts"],
            attacks=found["attacks"],
            verifier=verifier,
        )
        write_text(outputs[page], text)
    step.params(
        {
            "overall": found["overall"],
            "answers": {each["name"]: each["answer"] for each in found["answers"]},
        }
    )
    step.artifact(outputs["page"])
    for each in found["answers"]:
        step.info("%s %s (%s)", each["question"], each["answer"], each["reason"])


def audit(name: str, read: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Every figure of an audit, as plain values with sorted keys: no time, host or path.

    Parameters
    ----------
    read : mapping
        What the files of `audit_report` hold.
    """
    originals, calibrated, weighed = read["originals"], read["calibrated"], read["weighed"]
    rows = [{"meaning": "", **row} for row in read["attacks"]["rows"]]
    found = answers(weighed, calibrated, rows, originals["left_out"])
    cameras = [each for values in weighed["cameras"].values() for each in values.values()]
    elsewhere = [
        each["specificity"]["persons"]
        for each in cameras
        if each["foreign_camera"] and each["specificity"]
    ]
    plain: dict[str, Any] = clean(
        {
            "audit": name,
            "answers": found,
            "overall": overall(found),
            "claim": claim(
                originals["unit"], calibrated["coverage"], originals["persons_per_role"]["heldout"]
            ),
            "asked": {key: entry[key] for key in ASKED},
            "originals": originals,
            "candidates": {**read["candidates"], **weighed},
            "cone": calibrated,
            "counts": counted(originals, read["candidates"], weighed),
            "held_out_of_other_cameras": sum(elsewhere),
            "attacks": rows,
            "verifier": read.get("verifier"),
        }
    )
    return plain


def counted(
    originals: Mapping[str, Any], candidates: Mapping[str, Any], weighed: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the counts of each of `STEPS`, as `core.counts.balance` gives them.

    Raises
    ------
    AvatarflowError
        If they do not add up.
    """
    return {
        "originals": balance(
            "originals", originals["asked"], originals["pictures"], originals["refused_by_reason"]
        ),
        "candidates": balance(
            "candidates",
            candidates["candidates"],
            weighed["accepted"]["count"],
            weighed["left_out"],
        ),
    }
