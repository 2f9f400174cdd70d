"""Values with intervals, one below the other: what several items draw."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

COLOUR = "#0072b2"
MISSING = "not measured"


def draw_intervals(
    axes: Axes,
    names: Sequence[str],
    cells: Sequence[Mapping[str, Any] | None],
    colour: str = COLOUR,
    shift: float = 0.0,
    marker: str = "o",
) -> None:
    """Draw a value with its interval for each name, the first one on top; what was not measured is said in words.

    Parameters
    ----------
    cells : sequence
        Estimates `{value, low, high, n}`, or None.
    shift : float
        By how much of a line this series lies below the names, so that another one has room.
    """
    for place, cell in enumerate(cells):
        height = place + shift
        if cell is None:
            whole_width = axes.get_yaxis_transform()
            axes.text(
                0.5, height, MISSING, fontsize=7, transform=whole_width, va="center", ha="center"
            )
            continue
        value = cell["value"]
        low, high = (value if end is None else end for end in (cell["low"], cell["high"]))
        reach = [[max(value - low, 0)], [max(high - value, 0)]]
        axes.errorbar([value], [height], xerr=reach, fmt=marker, color=colour, capsize=3)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", alpha=0.3)
