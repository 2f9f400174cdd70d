"""Teacher against student: what distillation on accepted pictures costs in quality and takes away in risk."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from avatarflow.core.paths import read_json

from .interface import STUDENT, TEACHER, Item, Request, drawn, estimate, origin_of
from .intervals import draw_intervals

STAGES = {TEACHER: ("#d55e00", -0.15, "s"), STUDENT: ("#0072b2", 0.15, "o")}
"""Colour, place and mark of each in the figure."""
ACCESS = {"model": "attack on the generator", "data": "attack on the pictures"}
UNDRAWN = ("kid: ", "risk ")
"""Measures with scales of their own stand in the table and not in the figure, whose shares end at 1."""
LARGEST_SHARE = 1


def make(request: Request) -> Item:
    """Set both generators side by side: their candidates by guidance, and the attacks on each."""
    frontier = pd.read_csv(request.files[0]["frontier"], sep="\t")
    attacks = read_json(request.files[0]["attacks"])["rows"]
    rows = [*_of_candidates(frontier), *_of_attacks(attacks)]
    return Item(
        ["measure", TEACHER, STUDENT],
        1,
        rows,
        drawn(_figure(rows)),
        "Teacher and student side by side with 95 % intervals: shares of their candidates, and the AUC of every attack "
        "that was made on both.",
        [
            f"Originals: {origin_of(request.facts[0])}.",
            "The student was trained on accepted pictures of the teacher alone. All candidates of each are counted, "
            "accepted or not, at the guidance scale that both share, else at the largest of each.",
            "An AUC of 0.5 is guessing. A dash: the attack was not made on it, or could not be measured.",
        ],
    )


def _of_candidates(frontier: pd.DataFrame) -> list[list[Any]]:
    """Return a row per measure of the candidates, at one guidance scale of each stage."""
    everything = frontier[frontier["pictures"] == "drawn"]
    scales = {stage: set(everything.loc[everything["stage"] == stage, "guidance"]) for stage in STAGES}  # fmt: skip
    both = set.intersection(*scales.values())
    chosen = {stage: max(both or scales[stage]) for stage in STAGES}
    at = {
        stage: everything[
            (everything["stage"] == stage) & (everything["guidance"] == chosen[stage])
        ].set_index("measure")
        for stage in STAGES
    }
    cells = [["guidance scale of the candidates", *chosen.values()]]
    for measure in at[TEACHER].index:
        values = [
            estimate(table.loc[measure].to_dict()) if measure in table.index else None
            for table in at.values()
        ]
        cells.append([f"candidates, {measure}", *values])
    return cells


def _of_attacks(attacks: list[dict[str, Any]]) -> list[list[Any]]:
    """Return a row per attack, in the order in which they were made."""
    cells: dict[str, dict[str, Any]] = {}
    for row in attacks:
        if row["target"] in STAGES:
            view = f", {row['view']}" if row["view"] else ""
            name = f"{ACCESS.get(row['access'], row['access'])}, AUC: {row['attack']}{view}"
            cells.setdefault(name, {})[row["target"]] = estimate(row["auc"])
    return [[name, *(found.get(stage) for stage in STAGES)] for name, found in cells.items()]


def _figure(rows: list[list[Any]]) -> Figure:
    """Draw what is a share or an AUC of both."""
    shown = [
        row
        for row in rows
        if not any(part in row[0] for part in UNDRAWN)
        and all(isinstance(cell, dict) and cell["value"] <= LARGEST_SHARE for cell in row[1:])
    ]
    figure = Figure(figsize=(9.6, 1.4 + 0.34 * max(len(shown), 2)), layout="constrained")
    axes = figure.subplots()
    for place, (colour, shift, marker) in enumerate(STAGES.values(), start=1):
        draw_intervals(
            axes, [row[0] for row in shown], [row[place] for row in shown], colour, shift, marker
        )
    axes.axvline(0.5, color="#6a6a6a", linestyle=":", linewidth=1)
    axes.set_xlabel("share, or AUC")
    handles = [
        Line2D([], [], color=colour, marker=marker, label=stage)
        for stage, (colour, _, marker) in STAGES.items()
    ]
    axes.legend(handles=handles, loc="best", fontsize=8)
    return figure
