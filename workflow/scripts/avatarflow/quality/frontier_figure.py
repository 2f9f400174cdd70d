"""The frontier's figure: looks, agreement, rejection and risk over the guidance scale."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from avatarflow.core.paths import write_figure

PANELS = {
    "kid": ("distance to held-out real pictures", "KID (lower is better)"),
    "precision": ("pictures that look real", "precision, share"),
    "coverage": ("held-out real pictures covered", "coverage, share"),
    "agreement": ("agreement with the asked condition", "share of pictures"),
    "rejected": ("pictures that the cone rejects", "share of pictures"),
    "risk": ("lower tail of the risk (at most 1: in a cone)", "angle over half-angle"),
}
"""Title and vertical axis of each panel, by how the measure's name begins."""
COLOURS = {"teacher": "#d55e00", "student": "#0072b2"}
LINES = {"drawn": "--", "accepted": "-"}
MARKERS = "os^vDP"
COLUMNS = 2
TRADE = ("risk", "kid")
"""Privacy and fidelity of one panel: what is gained by one and lost by the other."""
APART = 0.012  # of the axis: lines of equal guidance are drawn beside each other


def draw_frontier(table: pd.DataFrame, path: str | Path) -> None:
    """Draw privacy against fidelity, and one panel per measure over the guidance scale.

    A line per stage and set: dashed and hollow as drawn, solid and filled as accepted; markers tell kinds apart. A
    panel without a figure is left out.

    Parameters
    ----------
    table : DataFrame
        As `frontier.frontier`.
    path : path
        The PNG.
    """
    shown = {
        measure: here
        for measure in PANELS
        if len(here := table[table["measure"].str.startswith(measure)].dropna(subset="value"))
    }
    several = table["steps"].nunique() > 1
    first = all(measure in shown for measure in TRADE)
    count = len(shown) + first
    rows = max(1, -(-count // COLUMNS))
    canvas = Canvas(figsize=(9.6, 0.8 + 2.7 * rows), layout="constrained")
    panels = list(canvas.subplots(rows, COLUMNS, squeeze=False).flat)
    for axes in panels[count:]:
        axes.remove()
    if first:
        _trade(panels[0], shown)
    for axes, (measure, here) in zip(panels[first:], shown.items(), strict=False):
        _panel(axes, here, several)
        title, unit = PANELS[measure]
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("guidance scale", fontsize=8)
        axes.set_ylabel(unit, fontsize=8)
        axes.tick_params(labelsize=8)
        if measure == "risk":
            axes.axhline(1, color="black", linewidth=0.8, linestyle=":")
    lines = [
        Line2D(
            [], [], color=COLOURS[stage], linestyle=LINES[pictures], marker="o", markersize=5,
            markerfacecolor=_face(stage, pictures), label=f"{stage}, {pictures}",
        )
        for stage, pictures in dict.fromkeys(zip(table["stage"], table["pictures"], strict=True))
    ]  # fmt: skip
    canvas.legend(handles=lines, fontsize=8.5, frameon=False, loc="outside upper center", ncols=4)
    write_figure(path, canvas, dpi=130)


def _face(stage: str, pictures: str) -> str:
    return COLOURS[stage] if pictures == "accepted" else "white"


def _trade(axes: Axes, shown: Mapping[str, pd.DataFrame]) -> None:
    """Privacy against fidelity of what was drawn: the lowest tail of the risk and the worst encoder's distance."""
    keys = ["stage", "guidance", "steps"]
    privacy, fidelity = (shown[measure] for measure in TRADE)
    tail = privacy["measure"].iloc[0]
    points = (
        privacy[(privacy["measure"] == tail) & (privacy["pictures"] == "drawn")]
        .set_index(keys)[["value"]]
        .join(
            fidelity[fidelity["pictures"] == "drawn"].groupby(keys)["value"].max().rename("kid"),
            how="inner",
        )
        .reset_index()
    )
    for stage, here in points.groupby("stage", sort=False):
        ordered = here.sort_values("guidance")
        axes.plot(
            ordered["value"], ordered["kid"], "--o", color=COLOURS[str(stage)], linewidth=1,
            markerfacecolor="white", markersize=5,
        )  # fmt: skip
        for _, point in ordered.iterrows():
            axes.annotate(
                f"{point['guidance']:g}", (point["value"], point["kid"]), fontsize=8,
                xytext=(5, 4), textcoords="offset points",
            )  # fmt: skip
    axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axes.margins(0.15)
    axes.set_title("privacy against fidelity, by guidance scale", fontsize=9)
    axes.set_xlabel(
        f"{tail.replace('risk ', 'risk, lowest ')} (right: farther from originals)", fontsize=8
    )
    axes.set_ylabel("KID, worst encoder (lower is better)", fontsize=8)
    axes.tick_params(labelsize=8)


def _panel(axes: Axes, here: pd.DataFrame, several: bool) -> None:
    """Lines of one panel; its legend says which marker is which encoder, condition or quantile."""
    kinds = list(dict.fromkeys(zip(here["measure"], here["steps"], strict=True)))
    sets = list(dict.fromkeys(zip(here["stage"], here["pictures"], strict=True)))
    reach = float(here["guidance"].max() - here["guidance"].min()) or 1.0
    for number, (stage, pictures) in enumerate(sets):
        for place, (measure, steps) in enumerate(kinds):
            points = here[
                (here["stage"] == stage)
                & (here["pictures"] == pictures)
                & (here["measure"] == measure)
            ]
            ordered = points[points["steps"] == steps].sort_values("guidance")
            ends = [ordered["value"] - ordered["low"], ordered["high"] - ordered["value"]]
            beside = reach * APART * (number - (len(sets) - 1) / 2)
            axes.errorbar(
                ordered["guidance"] + beside, ordered["value"], yerr=ends, linestyle=LINES[pictures],
                color=COLOURS[stage], marker=MARKERS[place % len(MARKERS)], markersize=4.5, capsize=2, linewidth=1,
                markerfacecolor=_face(stage, pictures),
            )  # fmt: skip
    names = [
        measure.rpartition(": ")[2].replace("_", " ") + (f", {steps} steps" if several else "")
        for measure, steps in kinds
    ]
    marks = [
        Line2D(
            [], [], color="#555555", linestyle="", marker=MARKERS[place % len(MARKERS)], label=name
        )
        for place, name in enumerate(names)
    ]
    if len(marks) > 1:
        axes.legend(handles=marks, fontsize=7.5, framealpha=0.8, edgecolor="none")
