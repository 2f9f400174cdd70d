"""The picture of a benchmark: sensitivity against sequencing error, a line per tool, a panel per level of variation."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avatarflow.core.paths import write_figure


def plot_scores(scores: str | Path, output: str | Path) -> None:
    """Draw the `all` rows of a score table with their Wilson intervals.

    Parameters
    ----------
    scores : path
        As `score.write_scores` wrote it.
    output : path
        PNG.
    """
    table = pd.read_csv(scores, sep="\t")
    table = table[table["stratum"] == "all"]
    if table["error"].isna().all():  # a user's reads have no level
        table = table.assign(error=0.0, variation=0.0)
    levels = sorted(table["variation"].unique())
    figure = Figure(figsize=(1.5 + 4 * len(levels), 4), layout="constrained")
    panels = figure.subplots(1, len(levels), sharey=True, squeeze=False)[0]
    for panel, level in zip(panels, levels, strict=True):
        _draw(panel, table[table["variation"] == level])
        panel.set(
            title=f"variation {level:g}", xlabel="sequencing errors per base", ylim=(-0.02, 1.02)
        )
    panels[0].set_ylabel("human fragments removed (95 % interval)")
    panels[-1].legend(loc="lower left", frameon=False)
    write_figure(output, figure, dpi=150)


def _draw(panel: Axes, table: pd.DataFrame) -> None:
    for (tool, setting), rows in table[table["status"] == "ok"].groupby(["tool", "setting"]):
        rows = rows.sort_values("error")
        share = rows["sensitivity"].to_numpy(float)
        reach = np.abs(rows[["sensitivity_low", "sensitivity_high"]].to_numpy(float).T - share)
        panel.errorbar(
            rows["error"],
            share,
            yerr=reach,
            marker="o",
            markersize=4,
            capsize=3,
            label=f"{tool} {setting}",
        )
    panel.grid(alpha=0.3)
