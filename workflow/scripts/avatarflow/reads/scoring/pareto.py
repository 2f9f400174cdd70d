"""Specificity against sensitivity with speed: which tools no other beats in all three."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from avatarflow.core.paths import write_figure

from .score import level_name

AXES = ["sensitivity", "specificity", "fragments_per_cpu_s"]
FLOOR = 1e-5  # a miss rate of nothing is drawn here


def not_beaten(table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Rows that no other row equals or beats in every one of `AXES` while beating it in one."""
    values = table[AXES].to_numpy(float)
    at_least = np.all(values[None] >= values[:, None], axis=2)
    better = np.any(values[None] > values[:, None], axis=2)
    return np.asarray(~np.any(at_least & better, axis=1), bool)


def with_speed(scores: pd.DataFrame) -> pd.DataFrame:
    """The `all` rows of tools that ran, with `fragments_per_cpu_s` (index left out)."""
    table = scores[(scores["stratum"] == "all") & (scores["status"] == "ok")].reset_index(drop=True)
    return table.assign(
        fragments_per_cpu_s=table["fragments"] / table["run_cpu_s"].clip(lower=1e-3)
    )


def plot_pareto(scores: str | Path, output: str | Path) -> None:
    """Draw one panel per error and variation: missed human against removed microbial fragments, both logarithmic."""
    table = with_speed(pd.read_csv(scores, sep="\t"))
    levels = list(table.groupby(["variation", "error"], dropna=False))
    columns = min(3, max(1, len(levels)))
    rows = max(1, -(-len(levels) // columns))
    figure = Figure(figsize=(5.5 * columns, 4.5 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, ((variation, error), part) in zip(panels, levels, strict=False):
        missed, lost = (1 - part[name].clip(upper=1 - FLOOR) for name in AXES[:2])
        best = not_beaten(part)
        size = 20 + 60 * np.log10(part[AXES[2]].clip(lower=1)) / 6
        panel.scatter(
            lost, missed, s=size**1.1, c=np.where(best, "tab:blue", "lightgrey"), edgecolors="black"
        )
        for row, x, y in zip(part.itertuples(), lost, missed, strict=True):
            panel.annotate(
                f"{row.tool} {row.setting}",
                (x, y),
                fontsize=6,
                xytext=(4, 3),
                textcoords="offset points",
            )
        panel.set(
            xscale="log", yscale="log", title=level_name(error, variation).strip() or "own reads"
        )
        reach = (FLOOR / 2, 1.5)
        panel.set(
            xlabel="microbial fragments removed",
            ylabel="human fragments missed",
            xlim=reach,
            ylim=reach,
        )
        panel.grid(alpha=0.3)
    for panel in panels[len(levels) :]:
        panel.set_axis_off()
    figure.suptitle(
        "lower left is better; blue: beaten by no other; larger: faster (CPU time)", fontsize=9
    )
    write_figure(output, figure, dpi=150)
