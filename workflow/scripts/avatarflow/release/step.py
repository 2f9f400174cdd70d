"""The release step: hold every figure against its gate, and write what may be published."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.core.differential_privacy import FILE as PRIVATE
from avatarflow.core.errors import refuse
from avatarflow.core.gates import Gate, all_pass
from avatarflow.core.outcomes import PASS
from avatarflow.core.paths import read_json
from avatarflow.quality.evaluation import accepted
from avatarflow.quality.samples import Sample
from avatarflow.runs.context import Step

from .assemble import write_release
from .certificate import REFUSE, certificate, record, remove_earlier
from .consent import consent_section
from .counts import number_of, release_counts
from .gates.figures import release_figures, right_anatomy, smallest_condition
from .gates.model_gate import model_gate
from .gates.rules import OF_CONDITIONS, hold_all
from .signing import read_signer

ASKED = ("conditions", "size_px", "gates", "cone", "sample", "attacks")
# a run-local number of a person is for the officer, not for the world
WITHHELD = ("worst", "worst_person")


def release_entry(
    name: str,
    inputs: Mapping[str, Any],
    entry: Mapping[str, Any],
    outputs: Mapping[str, str],
    step: Step,
    signing: Mapping[str, Any] | None = None,
) -> None:
    """Decide about one release and write its folder anew.

    Parameters
    ----------
    name : str
        The release's name in the config.
    inputs : mapping
        `samples` (shards of the student), `decisions` (of them), `teacher_samples` and `teacher_decisions`, `summary`
        (of the pool), `calibrated` (of the cones), `metrics` (of the evaluation), `attacks`, `model`
        (`model_index.json` of the student), where a verifier was asked for `teacher_verifier` and `student_verifier`,
        `canaries` where the entry has some, `anatomy` (the limits) where it is checked, and `private`
        (`model_index.json` of the teacher) where its training was to guarantee differential privacy.
    entry : mapping
        The whole config entry.
    outputs : mapping
        Paths in one folder, `release/`: `certificate`, `card`, `checksums`. On a pass the pictures lie beside them.
    step : Step
    signing : mapping, optional
        `signing` of the config; the key is read after the decision, and only where the release passes.
    """
    remove_earlier(Path(outputs["certificate"]).parent)
    decisions = pd.read_parquet(inputs["decisions"])
    _refuse_unjudged(decisions)
    released = accepted(Sample.read(inputs["samples"]), decisions)
    decided, gates = decide(name, inputs, entry, decisions, released)
    signer = read_signer(signing) if decided["decision"] == PASS else None
    model_folder = Path(inputs["model"]).parent
    write_release(
        outputs, decided, released, entry["conditions"], entry["release"], model_folder, signer
    )
    record(decided, gates, step)
    for reason in decided["reasons"]:
        step.warning("gate not passed: %s", reason)
    model = decided["model_gate"]
    step.info("the generator: %s (%s)", model["result"], model["meaning"])
    step.info("%s: %d pictures accepted", decided["decision"], len(released.table))


def decide(
    name: str,
    inputs: Mapping[str, Any],
    entry: Mapping[str, Any],
    decisions: pd.DataFrame,
    released: Sample,
) -> tuple[dict[str, Any], list[Gate]]:
    """Hold the figures of a release against its gates; return the certificate and the gates.

    Parameters
    ----------
    name, inputs, entry
        As `release_entry` takes them.
    decisions : DataFrame
        Of the student's candidates.
    released : Sample
        Those that are accepted.
    """
    summary, calibrated, evaluation, attacks = (
        read_json(inputs[key]) for key in ("summary", "calibrated", "metrics", "attacks")
    )
    conditions = entry["conditions"]
    more, thresholds = {"verifier": verifier_figures(inputs)}, dict(entry["gates"])
    if not conditions:  # there is nothing to agree with, and so nothing that could pass
        thresholds = {key: limit for key, limit in thresholds.items() if key not in OF_CONDITIONS}
    if entry.get("canaries"):
        more["canaries"] = read_json(inputs["canaries"])
        thresholds["canaries_found"] = entry["canaries"]["largest_found"]
    if entry.get("anatomy"):
        more["anatomy"] = {
            name: found for name, found in read_json(inputs["anatomy"]).items() if name != "limits"
        }
        thresholds["anatomy"] = entry["anatomy"]["least_passed"]
    more = {name: found for name, found in more.items() if found}
    figures = release_figures(
        evaluation,
        calibrated,
        released,
        conditions,
        attacks,
        more.get("verifier", {}).get("student"),
        more.get("canaries"),
    )
    if conditions:
        figures["smallest_condition"] = smallest_condition(summary, released.table, conditions)
    if entry.get("anatomy"):
        figures["anatomy"] = right_anatomy(decisions)
    gates = hold_all(figures, thresholds)
    counts = release_counts(
        summary,
        {"teacher": pd.read_parquet(inputs["teacher_decisions"]), "student": decisions},
        {"teacher": number_of(inputs["teacher_samples"]), "student": number_of(inputs["samples"])},
        len(released.table),
        PASS if all_pass(gates) else REFUSE,
    )
    measured = {
        "pool": summary,
        "cone": {name: value for name, value in calibrated.items() if name not in WITHHELD},
        "evaluation": evaluation,
        "attacks": public(attacks),
        "counts": counts,
    }
    if private := inputs.get("private"):
        measured["differential_privacy"] = read_json(Path(private).with_name(PRIVATE))
    decided = certificate(
        name,
        gates,
        asked={key: entry[key] for key in (*ASKED, *more)},
        measured={**measured, **more},
        model=model_gate(attacks, entry["attacks"], entry["generator"]["family"]),
        consent=consent_section(entry, summary),
    )
    return decided, gates


def _refuse_unjudged(decisions: pd.DataFrame) -> None:
    """Stop where a picture is accepted that no cone was asked about, or that lies in one."""
    inside = int((decisions["accepted"] & ~(decisions["risk"] > 1)).sum())
    if inside:
        found = f"{inside} accepted pictures without a risk above 1"
        raise refuse("decisions", found, "delete them, and start again")


def public(attacks: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the attacks as the certificate shows them: without the number of the worst person."""
    return [
        {name: value for name, value in row.items() if name not in WITHHELD}
        for row in attacks["rows"]
    ]


def verifier_figures(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the verifier measured, by stage; nothing without one."""
    return {
        stage: read_json(path)
        for stage in ("teacher", "student")
        if (path := inputs.get(f"{stage}_verifier"))
    }
