"""The frontier's figure: looks, agreement, rejection and risk over the guidance scale."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from avatarflow.core.paths import replacing

PANELS = {
    "kid": "KID to held-out real pictures (lower is better)",
    "precision": "precision (share that looks real)",
    "coverage": "coverage of held-out real pictures",
    "agreement": "agreement with the asked condition",
    "rejected": "share that the cone rejects",
    "risk": "lower tail of the risk (at most 1: inside a cone)",
}
COLOURS = {"teacher": "#b5523b", "student": "#1f6f8b"}
LINES = {"drawn": "--", "accepted": "-"}
MARKERS = "os^vDP"


def draw_frontier(table: pd.DataFrame, path: str | Path) -> None:
    """One panel per measure, a line per stage and set: dashed as drawn, solid as accepted; markers tell kinds apart.

    Parameters
    ----------
    table : DataFrame
        As `frontier.frontier`.
    path : path
        The PNG.
    """
    canvas = Canvas(figsize=(13, 7.8), layout="constrained")
    for axes, (measure, title) in zip(canvas.subplots(2, 3).flat, PANELS.items(), strict=True):
        here = table[table["measure"].str.startswith(measure)].dropna(subset="value")
        _panel(axes, here)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("guidance scale")
        if measure == "risk":
            axes.axhline(1, color="black", linewidth=0.8, linestyle=":")
    lines = [
        Line2D(
            [], [], color=COLOURS[stage], linestyle=LINES[pictures], label=f"{stage}, {pictures}"
        )
        for stage, pictures in dict.fromkeys(zip(table["stage"], table["pictures"], strict=True))
    ]
    canvas.legend(handles=lines, fontsize=8, frameon=False, loc="outside lower center", ncols=4)
    with replacing(path) as temporary:
        canvas.savefig(temporary, dpi=110, format="png", metadata={"Software": None})


def _panel(axes: Axes, here: pd.DataFrame) -> None:
    """Lines of one panel; its legend says which marker is which encoder, condition or quantile."""
    kinds = list(dict.fromkeys(zip(here["measure"], here["steps"], strict=True)))
    for stage, pictures in dict.fromkeys(zip(here["stage"], here["pictures"], strict=True)):
        for place, (measure, steps) in enumerate(kinds):
            points = here[
                (here["stage"] == stage)
                & (here["pictures"] == pictures)
                & (here["measure"] == measure)
            ]
            ordered = points[points["steps"] == steps].sort_values("guidance")
            reach = [ordered["value"] - ordered["low"], ordered["high"] - ordered["value"]]
            axes.errorbar(
                ordered["guidance"], ordered["value"], yerr=reach, linestyle=LINES[pictures], color=COLOURS[stage],
                marker=MARKERS[place % len(MARKERS)], markersize=4, capsize=2, linewidth=1,
            )  # fmt: skip
    names = [
        f"{measure.rpartition(': ')[2].replace('_', ' ')}, {steps} steps"
        for measure, steps in kinds
    ]
    marks = [
        Line2D(
            [], [], color="#555555", linestyle="", marker=MARKERS[place % len(MARKERS)], label=name
        )
        for place, name in enumerate(names)
    ]
    if marks:
        axes.legend(handles=marks, fontsize=7, frameon=False)
