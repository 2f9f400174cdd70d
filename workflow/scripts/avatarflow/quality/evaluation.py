"""Everything that is measured on released pictures, in one call, as plain values."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from avatarflow.core.paths import write_json
from avatarflow.core.statistics import Estimate
from avatarflow.generators.pca_gaussian.gaussian import pca_gaussian
from avatarflow.runs.context import Step

from .agreement import agreement
from .comparison import compare
from .figures import draw_overview
from .samples import Sample

LEAST = 10
"""Pictures of a set below which no distance between sets is worth a figure."""


def evaluate_entry(
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    columns: Sequence[str],
    seed: int,
    outputs: Mapping[str, str],
    step: Step,
    threads: int | None = None,
) -> None:
    """Measure the accepted pictures of a release and write the figures.

    Parameters
    ----------
    inputs : mapping
        `pool` and `samples` (shards), `decisions` (of these samples).
    settings : mapping
        The `evaluate` section of a release in the config.
    columns : sequence of str
        The condition columns.
    seed : int
    outputs : mapping
        Files to write: `metrics` (JSON), `overview` (PNG).
    step : Step
    threads : int, optional
        Torch's thread number (`compute.threads`): it changes rounding, so figures are equal only for equal numbers.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    pool = Sample.read(inputs["pool"])
    held_out = (pool.table["role"] == "heldout").to_numpy()
    released = accepted(Sample.read(inputs["samples"]), pd.read_parquet(inputs["decisions"]))
    found = evaluate(
        released, pool.where(held_out), pool.where(~held_out), columns, settings, seed, step
    )
    write_json(outputs["metrics"], found, allow_nan=False)
    draw_overview(found, outputs["overview"])
    step.artifact(outputs["overview"])


def accepted(samples: Sample, decisions: pd.DataFrame) -> Sample:
    """Return the candidates that a decision accepts, in order; a candidate without a decision is not accepted.

    Adds `risk` and `matched_original` of the decision to the table.
    """
    judged = decisions.set_index("candidate")[["accepted", "risk", "matched_original"]]
    table = samples.table.join(judged, on="candidate")
    keep = (table.pop("accepted") == True).to_numpy(dtype=bool)  # noqa: E712 (a missing decision is neither)
    return Sample(samples.pictures, table).where(keep)


def evaluate(
    released: Sample,
    heldout: Sample,
    training: Sample,
    columns: Sequence[str],
    settings: Mapping[str, Any],
    seed: int,
    step: Step,
) -> dict[str, Any]:
    """Fidelity, coverage and agreement of released pictures, each with interval, floor and naive baseline.

    Parameters
    ----------
    released : Sample
        Accepted synthetic pictures with their asked conditions; may be empty.
    heldout, training : Sample
        Real pictures of different persons, with `person` and the condition columns, of the same size as the released.
    columns : sequence of str
        The condition columns.
    settings : mapping
        The `evaluate` section of a release in the config.
    seed : int
    step : Step

    Returns
    -------
    dict
        `counts`, `encoders` (per encoder: `kid`, `kid_ratio`, `coverage`, `coverage_ratio`, `density`, `precision`,
        `recall`), `worst` (`kid_ratio` and `coverage_ratio` of the encoder where they are worst), `agreement` (per
        column, as in `quality.agreement`) and `settings`. A figure is `{value, low, high, n}`, value None where it
        could not be measured.
    """
    cap = int(settings["pictures"])
    small = [
        s.at_most(cap, seed, f"evaluate.{n}")
        for n, s in (("released", released), ("training", training))
    ]
    held_out = heldout.at_most(cap, seed, "evaluate.heldout")
    enough = min(len(s.table) for s in (*small, held_out)) >= LEAST
    baseline = (
        pca_gaussian(small[1].pictures, len(small[0].table), seed, float(settings["pca_variance"]))
        if enough
        else None
    )
    encoders: dict[str, Any] = {}
    for name in settings["encoders"]:
        if baseline is None:
            encoders[name] = _unmeasured()
            continue
        naive = Sample(baseline, small[0].table)
        encoders[name] = compare(name, small[0], naive, small[1], held_out, settings, seed)
        step.info("evaluated %d released pictures in encoder %s", len(small[0].table), name)
    if not enough:
        step.warning("fewer than %d pictures in a set: fidelity is not measured", LEAST)
    figures = {
        "counts": {
            "released": len(released.table),
            "heldout": _counts(heldout),
            "training": _counts(training),
        },
        "encoders": encoders,
        "worst": {
            "kid_ratio": _worst(encoders, "kid_ratio", max),
            "coverage_ratio": _worst(encoders, "coverage_ratio", min),
        },
        "agreement": agreement(
            training, heldout, released, columns, settings["classifier"], seed, step
        ),
        "settings": dict(settings),
    }
    _note(figures, step)
    return figures


def _worst(encoders: Mapping[str, Any], name: str, pick: Any) -> dict[str, Any]:
    """Return the figure of the encoder where it is worst; missing if it is missing in any encoder."""
    figures = {encoder: found[name] for encoder, found in encoders.items()}
    if not figures or any(figure["value"] is None for figure in figures.values()):
        return {**Estimate.missing().as_dict(), "encoder": None}
    encoder = pick(figures, key=lambda key: figures[key]["value"])
    return {**figures[encoder], "encoder": encoder}


def _unmeasured() -> dict[str, Any]:
    missing = Estimate.missing().as_dict()
    return dict.fromkeys(("kid_ratio", "coverage_ratio"), missing) | {
        name: {} for name in ("kid", "coverage", "density", "precision", "recall")
    }


def _counts(sample: Sample) -> dict[str, int]:
    return {"pictures": len(sample.table), "persons": len(np.unique(sample.persons()))}


def _note(found: Mapping[str, Any], step: Step) -> None:
    """Send the leading figures to the run record."""
    for encoder, figures in found["encoders"].items():
        for name in ("kid", "coverage", "density", "precision", "recall"):
            for which, figure in figures[name].items():
                if figure["value"] is not None:
                    step.metric(f"{name}.{which}.{encoder}", figure["value"])
    for column, figures in found["agreement"].items():
        for name in ("asked", "heldout_accuracy", "shuffled"):
            if figures[name]["value"] is not None:
                step.metric(f"agreement.{name}.{column}", figures[name]["value"])
