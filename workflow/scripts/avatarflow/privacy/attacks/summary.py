"""All attacks of a release or an audit in one table and one figure."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from avatarflow.core.paths import replacing, write_json
from avatarflow.runs.context import Step

TARGETS = ("teacher", "student", "release", "foreign", "accepted")
COLOURS = {"pass": "#1d6b3a", "fail": "#9c2218", "inconclusive": "#8a6100"}
CONTROLS = {"positive": ("^", "positive control"), "negative": ("v", "negative control")}


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
    rows = [row for part in parts for row in json.loads(Path(part).read_text(encoding="utf-8"))]
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
    figure = Figure(figsize=(5.2 * max(1, len(targets)), 5.6), layout="constrained")
    for axes, target in zip(
        figure.subplots(1, max(1, len(targets)), squeeze=False)[0], targets, strict=False
    ):
        _panel(axes, [row for row in rows if row["target"] == target], largest)
        axes.set_title(target)
    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, metadata={"Software": None})


def _panel(axes: Axes, rows: Sequence[Mapping[str, Any]], largest: float) -> None:
    named: set[str] = set()  # each control has one line in the legend
    for place, row in enumerate(rows):
        if row["auc"] is not None:
            reach = [
                [row["auc"]["value"] - row["auc"]["low"]],
                [row["auc"]["high"] - row["auc"]["value"]],
            ]
            axes.errorbar(
                row["auc"]["value"],
                place,
                xerr=reach,
                fmt="o",
                color=COLOURS[row["conclusion"]],
                capsize=3,
            )
        for name, (marker, label) in CONTROLS.items():
            if row[name]["auc"] is not None:
                axes.plot(
                    row[name]["auc"]["value"], place + 0.25, marker, color="#7a7a7a", markersize=5,
                    label=None if name in named else label,
                )  # fmt: skip
                named.add(name)
    axes.axvline(0.5, color="black", linewidth=1, linestyle="dotted")
    axes.axvline(largest, color="#9c2218", linewidth=1, linestyle="dashed")
    axes.set_yticks(
        range(len(rows)),
        [f"{row['attack']} ({row['view']})".replace("_", " ") for row in rows],
        fontsize=7,
    )
    axes.set(xlabel="AUC over persons, 95 % interval", xlim=(0, 1.02), ylim=(len(rows) - 0.3, -0.7))
    if named:
        axes.legend(fontsize=7, frameon=False, loc="upper left")
