"""Bits left and rank against residual fragments, a point per tool, setting and cell."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from avatarflow.core.paths import write_figure


def plot_risk(table: str | Path, output: str | Path) -> None:
    """Draw `risk.tsv` over the residual fragments on the panel's span.

    Bits have intervals where there are several donors; the line is what singles somebody out of the population.
    """
    rows = pd.read_csv(table, sep="\t")
    rows = rows[rows["result"] == "measured"]
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    colours = mpl.colormaps["tab20"].colors  # type: ignore[attr-defined]
    for number, ((tool, setting), own) in enumerate(rows.groupby(["tool", "setting"])):
        x, colour = (
            (own["panel_fragments"] / own["donors"]).clip(lower=0.5),
            colours[number % len(colours)],
        )
        gap = np.nan_to_num([own["bits"] - own["bits_low"], own["bits_high"] - own["bits"]]).clip(
            min=0
        )
        left.errorbar(x, own["bits"], yerr=gap, fmt="o", color=colour, label=f"{tool} {setting}")
        right.plot(x, own["rank_worst"], "o", color=colour)
    if len(rows):
        left.axhline(rows["bits_to_single_out"].iloc[0], color="grey", linestyle="--")
        left.legend(fontsize=7)
    else:
        left.text(
            0.5,
            0.5,
            "nothing measured: no donor has a panel",
            ha="center",
            transform=left.transAxes,
        )
    left.set(ylabel="bits about the donor (mosaic model)")
    right.set(ylabel="rank of the donor in the panel", yscale="log")
    for part in (left, right):
        part.set(xscale="log", xlabel="residual human fragments per donor on the panel's span")
    write_figure(output, figure, dpi=150)
