"""The risks of the candidates as a picture, beside those of altered originals and of held-out subjects."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from avatarflow.core.arrays import Floats
from avatarflow.core.paths import write_figure

GROUPS = {
    "candidates": ("candidates", "#0072b2", "solid"),
    "altered": ("altered originals of test persons", "#d55e00", "dashdot"),
    "held_out": ("held-out subjects' real pictures", "#8a6100", (0, (2, 1))),
}
# risks 0.05 to 5, with an edge at 1, where acceptance begins
EDGES = 10 ** (np.arange(-39, 22) / 30)


def draw_risks(risks: Mapping[str, Floats], path: str | Path) -> None:
    """One curve per group: the share of its pictures per step of risk; the dashed line is where acceptance begins.

    Parameters
    ----------
    risks : mapping
        Name in `GROUPS` to risks, those that are not finite left out; an empty group is not drawn.
    """
    figure = Figure(figsize=(8.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, (label, colour, line) in GROUPS.items():
        values = np.asarray(risks.get(name, ()), np.float64)
        values = values[np.isfinite(values)]
        if len(values):
            counts, _ = np.histogram(np.clip(values, EDGES[0], EDGES[-1]), EDGES)
            axes.stairs(
                counts / len(values),
                EDGES,
                color=colour,
                linestyle=line,
                label=f"{label} (n = {len(values)})",
                linewidth=1.6,
            )
    axes.axvline(
        1,
        color="black",
        linewidth=1,
        linestyle="dashed",
        label="accepted to the right of this line",
    )
    axes.set(xscale="log", xlim=(EDGES[0], EDGES[-1]), xlabel="risk: angle over half-angle of the nearest cone",
             ylabel="share of pictures")  # fmt: skip
    axes.set_xticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
    axes.minorticks_off()
    axes.legend(fontsize="small", frameon=False, loc="upper left")
    write_figure(path, figure, dpi=130)
