"""Near-duplicates as a picture: what is rejected at each strength, and how much of it the matcher still confirms."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avatarflow.core.paths import write_figure

LINES = {
    "rejected_confirmed": ("rejected by the cones, of the confirmed", "#0b2e3a", "o-"),
    "rejected": ("rejected by the cones, of all", "#5aa5bd", "s--"),
    "refused_together": ("refused by cones or verifier, of all", "#d9a441", "^:"),
}


def draw_near_duplicates(table: pd.DataFrame, path: str | Path) -> None:
    """One panel per family with strengths; bars are 95 % intervals over persons. A family without is in the title."""
    graded = [name for name, rows in table.groupby("family", sort=False) if len(rows) > 1]
    figure = Figure(figsize=(4.6 * max(1, len(graded)), 4.0), layout="constrained")
    for axes, name in zip(
        figure.subplots(1, max(1, len(graded)), squeeze=False)[0], graded, strict=False
    ):
        _panel(axes, table[table["family"] == name], str(name))
    once = [
        row
        for name, rows in table.groupby("family", sort=False)
        if len(rows) == 1
        for row in rows.itertuples()
    ]
    notes = [
        f"{row.family}: {row.rejected:.1%} of {row.n} rejected, {row.confirmed} confirmed"
        for row in once
    ]
    figure.suptitle("; ".join(notes), fontsize="small")
    if figure.axes and graded:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, fontsize="small", frameon=False, loc="outside lower center", ncols=2
        )
    write_figure(path, figure, dpi=150)


def _panel(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    strength = rows["strength"].to_numpy()
    axes.bar(
        strength,
        rows["confirmed"] / rows["n"],
        width=0.03,
        color="#dddddd",
        label="confirmed by the matcher",
    )
    for measure, (label, colour, style) in LINES.items():
        values = rows[measure].to_numpy()
        reach = np.abs(
            np.stack([values - rows[f"{measure}_low"], rows[f"{measure}_high"] - values])
        )
        axes.errorbar(
            strength,
            values,
            yerr=reach,
            fmt=style,
            color=colour,
            markersize=4,
            capsize=2,
            label=label,
        )
    axes.set(xlabel="strength", title=name, ylim=(-0.02, 1.02))
    axes.grid(axis="y", alpha=0.3)
