"""All attacks of a release or an audit in one table and one figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from avatarflow.core.paths import read_json, write_figure, write_json
from avatarflow.runs.context import Step

TARGETS = ("teacher", "student", "release", "foreign", "accepted")
COLOURS = {"pass": "#0072b2", "fail": "#d55e00", "inconclusive": "#8a6100"}
MARKERS = {"pass": "o", "fail": "X", "inconclusive": "D"}
CONTROL = "#6a6a6a"
CONTROLS = {
    "positive": ("^", "positive control: a leak put there on purpose"),
    "negative": ("v", "negative control: unrelated data"),
}


def join(
    parts: Sequence[str], settings: Mapping[str, Any], results: str, figure: str, step: Step
) -> None:
    """Join the results of all targets.

    Parameters
    ----------
    parts : sequence of str
        JSON files of the attack steps.
    settings : mapping
        `attacks` of the config.
    results, figure : str
        JSON and PNG to write.
    """
    rows = [row for part in parts for row in read_json(part)]
    rows.sort(
        key=lambda row: (TARGETS.index(row["target"]), row["access"], row["attack"], row["view"])
    )
    for row in rows:
        if row["auc"] is not None:
            step.metric(
                f"attack.{row['target']}.{row['attack']}.{row['view']}", row["auc"]["value"]
            )
    write_json(results, {"rows": rows, "largest_auc": settings["largest_auc"]}, allow_nan=False)
    draw(rows, float(settings["largest_auc"]), figure)
    step.artifact(figure)


def draw(rows: Sequence[Mapping[str, Any]], largest: float, path: str | Path) -> None:
    """One panel per target, one line per attack: AUC with its interval, and those of the two controls."""
    targets = [target for target in TARGETS if any(row["target"] == target for row in rows)]
    names = list(dict.fromkeys(_name(row) for row in rows))
    figure = Figure(figsize=(9.6, 1.5 + 0.27 * max(len(names), 4)), layout="constrained")
    panels = figure.subplots(1, max(1, len(targets)), sharey=True, squeeze=False)[0]
    for axes, target in zip(panels, targets, strict=False):
        _panel(axes, [row for row in rows if row["target"] == target], names, largest)
        axes.set_title(target, fontsize=10)
    panels[0].set_yticks(range(len(names)), names, fontsize=8)
    panels[0].set_ylim(len(names) - 0.3, -0.7)
    figure.legend(
        handles=_legend(rows, largest),
        loc="outside lower center",
        ncols=3,
        fontsize=8,
        frameon=False,
    )
    write_figure(path, figure, dpi=130)


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['attack']} ({row['view']})".replace("_", " ")


def _panel(
    axes: Axes, rows: Sequence[Mapping[str, Any]], names: Sequence[str], largest: float
) -> None:
    for row in rows:
        place = names.index(_name(row))
        if row["auc"] is None:
            axes.text(0.5, place, "not measured", fontsize=7, color="#555555", ha="center", va="center",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
        else:
            area, colour = row["auc"], COLOURS[row["conclusion"]]
            axes.errorbar(
                area["value"], place,
                xerr=[[area["value"] - area["low"]], [area["high"] - area["value"]]],
                fmt=MARKERS[row["conclusion"]], color=colour, capsize=3, markersize=5,
            )  # fmt: skip
        for name, (marker, _) in CONTROLS.items():
            if row[name]["auc"] is not None:
                axes.plot(
                    row[name]["auc"]["value"], place + 0.27, marker, color=CONTROL, markersize=4
                )
    axes.axvline(0.5, color="black", linewidth=1, linestyle="dotted", zorder=0)
    axes.axvline(largest, color="black", linewidth=1, linestyle="dashed", zorder=0)
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("AUC over persons (1: all found)", fontsize=8)
    axes.tick_params(labelsize=8)


def _legend(rows: Sequence[Mapping[str, Any]], largest: float) -> list[Line2D]:
    """Say what every colour, marker and line means; only of what is there."""
    met = {row["conclusion"] for row in rows if row["auc"] is not None}
    lines = [
        Line2D([], [], color=COLOURS[name], marker=MARKERS[name], label=f"{name}, 95 % interval")
        for name in COLOURS
        if name in met
    ]
    lines += [
        Line2D([], [], color=CONTROL, marker=marker, linestyle="", label=label)
        for name, (marker, label) in CONTROLS.items()
        if any(row[name]["auc"] is not None for row in rows)
    ]
    chance = Line2D([], [], color="black", linestyle="dotted", label="chance")
    limit = f"largest upper end that passes ({largest:g})"
    return [*lines, chance, Line2D([], [], color="black", linestyle="dashed", label=limit)]
