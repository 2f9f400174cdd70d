"""The frontier of guidance and risk: what stronger guidance buys in looks and costs in originals come near to.

Candidates carry the guidance scale (and the number of steps) they were drawn with, so this only groups what is there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from avatarflow.core import seeds
from avatarflow.core.arrays import Floats, Rows
from avatarflow.core.statistics import Estimate, bootstrap_weights, share_over_persons, wilson
from avatarflow.core.tables import write_table
from avatarflow.runs.context import Step

from .agreement import reading
from .encoders import embed
from .evaluation import LEAST
from .fidelity import Scale, kernel_sums, kid, manifold
from .frontier_figure import draw_frontier
from .samples import Sample

STAGES = ("teacher", "student")
DRAWN, ACCEPTED = "drawn", "accepted"
TAILS = {"risk 1 %": 0.01, "risk 5 %": 0.05}
COLUMNS = ["stage", "guidance", "steps", "pictures", "measure", "value", "low", "high", "n"]


class Group(NamedTuple):
    """Candidates of one stage, guidance scale and number of steps; all of them, or those that the cone let pass."""

    stage: str
    guidance: float
    steps: int
    pictures: str
    sample: Sample


def frontier_entry(
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    seed: int,
    outputs: Mapping[str, str],
    step: Step,
    threads: int,
) -> None:
    """Measure every group of candidates of a release and write the table and its figure.

    Parameters
    ----------
    inputs : mapping
        `pool` (shards); of both stages `<stage>` (shards) and `<stage>_decisions`.
    settings : mapping
        `evaluate`, `conditions` (their columns) and `sample` of the config: per stage the steps, for candidates whose
        table does not say them.
    outputs : mapping
        Files to write: `table` (TSV), `figure` (PNG).
    """
    torch.set_num_threads(threads)
    pool = Sample.read(inputs["pool"])
    held_out = (pool.table["role"] == "heldout").to_numpy()
    groups = []
    for stage in STAGES:
        drawn = Sample.read(inputs[stage])
        decisions = pd.read_parquet(inputs[f"{stage}_decisions"])
        groups += grouped(stage, drawn, decisions, settings["sample"][stage]["steps"])
    columns, training, heldout = settings["conditions"], pool.where(~held_out), pool.where(held_out)
    found = frontier(groups, training, heldout, columns, settings["evaluate"], seed, step)
    write_table(found, outputs["table"])
    draw_frontier(found, outputs["figure"])
    step.artifact(outputs["figure"])


def grouped(stage: str, drawn: Sample, decisions: pd.DataFrame, steps: int) -> list[Group]:
    """The candidates of a stage by guidance and steps, each group as drawn and as accepted; a missing decision is none.

    Adds `accepted` and `risk` to the tables.
    """
    judged = decisions.set_index("candidate")[["accepted", "risk"]]
    table = drawn.table.join(judged, on="candidate")
    if "steps" not in table:
        table["steps"] = steps
    accepted = (table["accepted"] == True).to_numpy(bool)  # noqa: E712 (a missing decision is neither)
    groups = []
    every = Sample(drawn.pictures, table)
    for guidance, count in (
        table[["guidance", "steps"]].drop_duplicates().sort_values(["guidance", "steps"]).to_numpy()
    ):
        here = ((table["guidance"] == guidance) & (table["steps"] == count)).to_numpy(bool)
        groups.append(Group(stage, float(guidance), int(count), DRAWN, every.where(here)))
        groups.append(
            Group(stage, float(guidance), int(count), ACCEPTED, every.where(here & accepted))
        )
    return groups


def frontier(
    groups: Sequence[Group], training: Sample, heldout: Sample, columns: Sequence[str], settings: Mapping[str, Any],
    seed: int, step: Step,
) -> pd.DataFrame:  # fmt: skip
    """Rejected share, lower tail of the risk, agreement and fidelity of every group, with 95 % intervals.

    Coverage grows with the number of pictures, so fidelity is taken on equally many of each group: as many as the
    smallest has, among the drawn and among the accepted sets; sets of fewer than `evaluation.LEAST` are left out.

    Returns
    -------
    DataFrame
        `COLUMNS`: a row per group and measure; empty cells where a measure could not be taken. `n` counts pictures, or
        held-out persons where real pictures are spoken of (KID, coverage).
    """
    shown = (
        reading(training, columns, settings["classifier"], seed, step)
        if columns
        else lambda sample: {}
    )
    rows: list[dict[str, Any]] = []
    measured: list[Callable[[Sample], dict[str, Estimate]]] = [
        shown,
        lambda sample: tails(sample, seed),
        *(fidelity(encoder, training, heldout, settings, seed) for encoder in settings["encoders"]),
    ]
    sizes = {
        kind: [len(group.sample.table) for group in groups if group.pictures == kind]
        for kind in (DRAWN, ACCEPTED)
    }
    for number, group in enumerate(groups):
        count = min([*(n for n in sizes[group.pictures] if n >= LEAST), int(settings["pictures"])])
        equal = group.sample.at_most(count, seed, f"frontier {group.stage}")
        figures = {"rejected": rejected(group.sample)} if group.pictures == DRAWN else {}
        for place, measure in enumerate(measured):
            figures |= measure(group.sample if place < 2 else equal)
        head = group._asdict()
        head.pop("sample")
        rows += [{**head, "measure": name, **figure.as_dict()} for name, figure in figures.items()]
        step.progress(number + 1, len(groups), "groups of candidates")
    return pd.DataFrame(rows, columns=COLUMNS)


def rejected(sample: Sample) -> Estimate:
    """Share of candidates that were not accepted; candidates are independent draws."""
    lost = int((sample.table["accepted"] != True).sum())  # noqa: E712
    return wilson(lost, len(sample.table))


def tails(sample: Sample, seed: int) -> dict[str, Estimate]:
    """Lower quantiles of the risk, with a bootstrap interval over pictures."""
    risk = sample.table["risk"].to_numpy(np.float64)
    risk = risk[np.isfinite(risk)]
    if len(risk) < LEAST:
        return dict.fromkeys(TAILS, Estimate.missing(len(risk)))
    drawn = seeds.generator(seed, "frontier risk").integers(0, len(risk), (500, len(risk)))
    spread = np.quantile(risk[drawn], list(TAILS.values()), axis=1)
    return {
        name: Estimate.bootstrapped(float(np.quantile(risk, share)), spread[place], len(risk))
        for place, (name, share) in enumerate(TAILS.items())
    }


def fidelity(
    encoder: str, training: Sample, heldout: Sample, settings: Mapping[str, Any], seed: int
) -> Callable[[Sample], dict[str, Estimate]]:
    """KID, precision and coverage against held-out pictures in one encoder, as a function of a set of pictures."""
    cap = int(settings["pictures"])
    real = heldout.at_most(cap, seed, "evaluate.heldout")
    raw = embed(training.at_most(cap, seed, "evaluate.training").pictures, encoder)
    scale = Scale.fit(raw)
    there, persons = scale.apply(embed(real.pictures, encoder)), real.persons()
    draws, neighbours = int(settings["bootstrap"]), int(settings["neighbours"])

    def measure(sample: Sample) -> dict[str, Estimate]:
        names = [f"{name}: {encoder}" for name in ("kid", "precision", "coverage")]
        if min(len(sample.table), len(real.table)) < LEAST:
            return dict.fromkeys(names, Estimate.missing(len(sample.table)))
        made: Rows = scale.apply(embed(sample.pictures, encoder))
        sums = kernel_sums(made, there, np.arange(len(made)), persons)
        spread: Floats = kid(
            sums, bootstrap_weights(len(made), draws, seed, "released"),
            bootstrap_weights(len(sums.y_sizes), draws, seed, "heldout"),
        )  # fmt: skip
        near = manifold(there, made, persons, neighbours)
        figures = [
            Estimate.bootstrapped(float(kid(sums)[0]), spread, len(sums.y_sizes)),
            wilson(int(near.precise.sum()), len(near.precise)),
            share_over_persons(near.covered, persons[: len(near.covered)]),
        ]
        return dict(zip(names, figures, strict=True))

    return measure
