"""The exposure curves of canaries: what the cone finds and what attacks see, over the number of copies."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avatarflow.core.paths import write_figure

EXPOSURE = "exposure: "
RECALL = {"cone_recall": "own cone", "matcher_recall": "matcher"}


def draw(table: pd.DataFrame, path: str | Path) -> None:
    """Recall above and exposure below, one column per target; numbers of copies stand at equal distances.

    Parameters
    ----------
    table : DataFrame
        As `summary.as_table`.
    path : path
        The PNG.
    """
    targets = list(dict.fromkeys(table["target"]))
    figure = Figure(figsize=(4.8 * len(targets), 7.0), layout="constrained")
    axes = figure.subplots(2, len(targets), squeeze=False, sharey="row")
    for place, target in enumerate(targets):
        here = table[table["target"] == target]
        axes[0, place].set_title(target)
        for measure, label in RECALL.items():
            _curve(axes[0, place], here[here["measure"] == measure], label)
        for measure in sorted(set(here["measure"]) - set(RECALL)):
            _curve(
                axes[1, place],
                here[here["measure"] == measure],
                measure.removeprefix(EXPOSURE).replace("_", " "),
            )
        chance = here.dropna(subset="chance").drop_duplicates("copies")
        axes[1, place].plot(range(len(chance)), chance["chance"], "k:", label="chance")
        for one in axes[:, place]:
            one.set_xticks(range(here["copies"].nunique()), sorted(here["copies"].unique()))
            one.set_xlabel("copies in the teacher's training set (0: never trained on)")
            one.legend(fontsize=7, frameon=False)
    axes[0, 0].set(ylabel="share of canaries found", ylim=(-0.05, 1.05))
    axes[1, 0].set_ylabel("exposure in bits")
    write_figure(path, figure, dpi=110)


def _curve(axes: Axes, points: pd.DataFrame, label: str) -> None:
    ordered = points.sort_values("copies")
    reach = [ordered["value"] - ordered["low"], ordered["high"] - ordered["value"]]
    axes.errorbar(
        range(len(ordered)),
        ordered["value"],
        yerr=reach,
        marker="o",
        markersize=4,
        capsize=3,
        label=label,
    )
