"""What each gate would have said at other thresholds: from the gates of a certificate, and nothing else."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from avatarflow.core.gates import ABOVE, AT_MOST, SHARE, WHOLE
from avatarflow.core.paths import png
from avatarflow.release.templates import figure

from .rules import rule_of

COLUMNS = 2
MARGIN = 0.12  # of an axis on both sides of what is on it
FARTHEST = 20  # times the reach of the figure: a threshold beyond is not drawn, but named
PASSES, REFUSES = "#cfe3f1", "#f7d9b8"


def shown_gates(gates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the page's templates need of this module: the figure, and the column of the table."""
    return {
        "gates_picture": base64.b64encode(draw_gates(gates)).decode(),
        "turning_point": turning_point,
    }


def turning_point(gate: Mapping[str, Any]) -> str:
    """Return with which thresholds the gate would not have been passed, in words.

    >>> turning_point({"name": "miss_rate", "held": 0.06, "direction": "at most"})
    'below 0.06'
    >>> turning_point({"name": "agreement.sex", "held": 1.0, "direction": "at least"})
    'none'
    """
    held = gate["held"]
    if held is None:
        return "any"
    if gate["direction"] == AT_MOST:
        return f"below {figure(held, 6)}" if held > 0 else "none"
    if rule_of(gate["name"]).unit.scale == SHARE and held >= 1 and gate["direction"] != ABOVE:
        return "none"
    return f"{'of or above' if gate['direction'] == ABOVE else 'above'} {figure(held, 6)}"


def draw_gates(gates: Sequence[Mapping[str, Any]]) -> bytes:
    """Draw every gate that has a figure: where it would pass and refuse, the figure, its interval, the threshold.

    Parameters
    ----------
    gates : sequence of mappings
        As in `certificate.json`.

    Returns
    -------
    bytes
        A PNG; empty where no gate has a figure.
    """
    shown = [gate for gate in gates if gate["held"] is not None]
    if not shown:
        return b""
    rows = -(-len(shown) // COLUMNS)
    canvas = Figure(figsize=(9.2, 0.7 + 0.98 * rows), layout="constrained")
    panels = canvas.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes, gate in zip(panels, shown, strict=False):
        _panel(axes, gate)
    for axes in panels[len(shown) :]:
        axes.remove()
    canvas.legend(
        handles=[
            Line2D([], [], color="black", marker="o", linewidth=3, solid_capstyle="butt",
                   label="measured, with its interval"),
            Line2D([], [], color="black", linestyle="--", linewidth=1.4, label="threshold in force"),
            Patch(facecolor=PASSES, edgecolor="#5b7f99", label="thresholds that pass"),
            Patch(facecolor=REFUSES, edgecolor="#a5713c", hatch="////", label="thresholds that refuse"),
        ],
        loc="outside upper center", ncols=4, fontsize=8.5, frameon=False,
    )  # fmt: skip
    return png(canvas, dpi=130)


def reach(gate: Mapping[str, Any]) -> tuple[float, float]:
    """Return the ends of a gate's axis: figure, interval and threshold lie on it, unless the threshold is far off."""
    numbers = [gate[name] for name in ("held", "value", "low", "high") if gate[name] is not None]
    least, most = min(numbers), max(numbers)
    limit, scale = gate["threshold"], rule_of(gate["name"]).unit.scale
    size = max(abs(least), abs(most), 0.05 if scale == SHARE else 1.0)
    if limit is not None and abs(limit) <= FARTHEST * size:
        least, most = min(least, limit), max(most, limit)
    pad = MARGIN * ((most - least) or abs(most) or 1.0)
    if scale == WHOLE:
        pad = max(pad, 1.0)
    least, most = least - pad, most + pad
    if min(numbers) >= 0:
        least = max(least, 0.0)
    return least, min(most, 1.0) if scale == SHARE else most


def _panel(axes: Axes, gate: Mapping[str, Any]) -> None:
    (least, most), unit = reach(gate), rule_of(gate["name"]).unit
    held, at_most = gate["held"], gate["direction"] == AT_MOST
    passes, refuses = (held, most), (least, held)
    if not at_most:
        passes, refuses = refuses, passes
    axes.axvspan(*passes, color=PASSES, linewidth=0)
    axes.axvspan(*refuses, facecolor=REFUSES, edgecolor="#c99a66", hatch="////", linewidth=0)
    if gate["low"] is not None and gate["high"] is not None:
        axes.plot(
            [gate["low"], gate["high"]], [0, 0], color="black", linewidth=3, solid_capstyle="butt"
        )
    elif gate["high"] is not None or gate["low"] is not None:
        end = gate["high"] if gate["high"] is not None else gate["low"]
        axes.plot([gate["value"], end], [0, 0], color="black", linewidth=3, solid_capstyle="butt")
    axes.plot(gate["value"], 0, "o", color="black", markersize=6, clip_on=False, zorder=3)
    limit = gate["threshold"]
    if limit is not None and least <= limit <= most:
        axes.axvline(limit, color="black", linestyle="--", linewidth=1.4, clip_on=False)
    beyond = "" if limit is None or least <= limit <= most else ", beyond this axis"
    limit_text = "no threshold" if limit is None else f"{gate['direction']} {figure(limit)}{beyond}"
    axes.set_title(
        f"{gate['name']} ({limit_text}): {gate['result']}", fontsize=8.5, loc="left", pad=3
    )
    axes.set(xlim=(least, most), ylim=(-1, 1), yticks=[])
    axes.set_xlabel(unit.figure, fontsize=7.5, labelpad=1)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=unit.scale == WHOLE))
    axes.tick_params(labelsize=7.5, length=2, pad=1)
