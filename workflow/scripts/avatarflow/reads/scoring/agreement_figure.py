"""The picture of tools on reads without truth: how many fragments each calls human, and how far each two agree."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avatarflow.core.paths import write_figure


def plot_agreement(counts: str | Path, agreement: str | Path, output: str | Path) -> None:
    """Draw shares with their intervals on the left and Jaccard's index of every pair on the right.

    Parameters
    ----------
    counts, agreement : path
        As `agreement.write_agreement` wrote them.
    output : path
        PNG.
    """
    calls, pairs = pd.read_csv(counts, sep="\t"), pd.read_csv(agreement, sep="\t")
    calls = calls[calls["status"] == "ok"].reset_index(drop=True)
    names = (calls["tool"] + " " + calls["setting"]).tolist()
    side = 2.0 + 0.45 * max(len(names), 1)
    figure = Figure(figsize=(6 + side, side), layout="constrained")
    left, right = figure.subplots(1, 2)
    _shares(left, calls, names)
    _matrix(right, pairs, names)
    figure.suptitle("no truth is known: tools that agree may all be wrong", fontsize=9)
    write_figure(output, figure, dpi=150)


def _shares(panel: Axes, calls: pd.DataFrame, names: list[str]) -> None:
    share, rows = calls["share"].to_numpy(float), np.arange(len(names))
    reach = np.abs(calls[["share_low", "share_high"]].to_numpy(float).T - share)
    panel.errorbar(share, rows, xerr=reach, fmt="o", markersize=4, capsize=3)
    panel.set(yticks=rows, yticklabels=names, ylim=(len(names) - 0.5, -0.5))
    panel.set_xlabel("fragments called human, share (95 % interval)")
    panel.grid(alpha=0.3)


def _matrix(panel: Axes, pairs: pd.DataFrame, names: list[str]) -> None:
    table = np.eye(len(names))
    for name_a, name_b, value in zip(
        pairs["tool_a"], pairs["tool_b"], pairs["jaccard"].astype(float), strict=True
    ):
        a, b = names.index(name_a), names.index(name_b)
        table[a, b] = table[b, a] = value
    panel.imshow(table, vmin=0, vmax=1, cmap="Blues")
    for (a, b), value in np.ndenumerate(table):
        text = "-" if np.isnan(value) else f"{value:.3f}"
        panel.text(
            b,
            a,
            text,
            ha="center",
            va="center",
            fontsize=7,
            color="white" if value > 0.6 else "black",
        )
    ticks = np.arange(len(names))
    panel.set(xticks=ticks, yticks=ticks, yticklabels=names)
    panel.set_xticklabels(names, rotation=45, ha="right")
    panel.set_title("of what either calls human, both do (Jaccard)", fontsize=9)
