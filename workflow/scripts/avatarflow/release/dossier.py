"""The release station: hold every figure against its gate, and write what may leave."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..quality.evaluation import accepted
from ..quality.samples import Sample
from ..runtime import Step
from .assemble import write_release
from .certificate import certificate, hold
from .figures import release_figures

ASKED = ("conditions", "size_px", "gates", "cone", "sample")


def release_entry(name: str, inputs: Mapping[str, str], entry: Mapping[str, Any], folder: str, step: Step) -> None:
    """Decide about one release and write its folder.

    Parameters
    ----------
    name : str
        The release's name in the config.
    inputs : mapping
        `samples` (shards of the student), `verdicts` (of them), `summary` (of the pool), `calibrated` (of the cones),
        `metrics` (of the evaluation).
    entry : mapping
        The whole config entry.
    folder : str
        `release/`, written anew.
    step : Step
    """
    released = accepted(Sample.read(inputs["samples"]), pd.read_parquet(inputs["verdicts"]))
    summary, calibrated, evaluation = (_read(inputs[key]) for key in ("summary", "calibrated", "metrics"))
    conditions = entry["conditions"]
    gates = hold(release_figures(evaluation, calibrated, released.table, conditions), entry["gates"])
    decided = certificate(
        name,
        gates,
        asked={key: entry[key] for key in ASKED},
        measured={"pool": summary, "cone": calibrated, "evaluation": evaluation},
        unit=summary["unit"],
        coverage=calibrated["coverage"],
    )
    write_release(folder, decided, released, conditions, entry["release"])
    for gate in gates:
        if gate.value is not None:
            step.metric(f"gate.{gate.name}", gate.value)
    step.params({"decision": decided["decision"], "gates": {gate.name: gate.result for gate in gates}})
    for reason in decided["reasons"]:
        step.warning("gate not passed: %s", reason)
    step.info("%s: %d pictures accepted", decided["decision"], len(released.table))


def _read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found
