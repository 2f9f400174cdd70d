"""The rules side by side as a picture: what each accepts of held-out subjects and what it misses."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avatarflow.core.paths import write_figure

from .compare import LEVELS, PUBLISHED
from .registry import RULES

SHADES = ("#b5d8e3", "#5aa5bd", "#1f6f8b", "#0b2e3a", "#d9a441")
COLOURS = dict(zip([*(f"{level:.1%}" for level in LEVELS), PUBLISHED], SHADES, strict=True))
NAMES = {
    "specificity": "held-out subjects' real pictures accepted",
    "sensitivity": "altered originals of test persons rejected",
}


def draw_baselines(table: pd.DataFrame, path: str | Path) -> None:
    """Two panels, a row per rule, a colour per level; bars are 95 % intervals over persons."""
    figure = Figure(figsize=(9.5, 4.4), layout="constrained")
    for axes, (measure, label) in zip(
        figure.subplots(1, 2, sharey=True), NAMES.items(), strict=True
    ):
        _panel(axes, table, measure, label)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(
            handles, labels, fontsize="small", frameon=False, loc="outside lower center", ncols=3
        )
    write_figure(path, figure, dpi=150)


def _panel(axes: Axes, table: pd.DataFrame, measure: str, label: str) -> None:
    rules = [name for name in RULES if (table["rule"] == name).any()]
    for place, (level, colour) in enumerate(COLOURS.items()):
        rows = table[(table["level"] == level) & table[measure].notna()]
        if len(rows):
            y = np.array([rules.index(rule) for rule in rows["rule"]]) + 0.16 * (place - 2)
            values = rows[measure].to_numpy()
            reach = np.abs(
                np.stack([values - rows[f"{measure}_low"], rows[f"{measure}_high"] - values])
            )
            name = (
                "at its paper's threshold"
                if level == PUBLISHED
                else f"at {level} on calibration persons"
            )
            axes.errorbar(
                values, y, xerr=reach, fmt="o", color=colour, markersize=4, capsize=2, label=name
            )
    axes.set_yticks(range(len(rules)), [RULES[rule].title for rule in rules])
    axes.set(xlabel=label, ylim=(len(rules) - 0.5, -0.5))
    if measure == "specificity":
        axes.set_xlim(-0.02, 1.02)
    axes.grid(axis="x", alpha=0.3)
