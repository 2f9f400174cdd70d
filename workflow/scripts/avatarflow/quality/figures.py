"""The overview figure of an evaluation: distances with floor and naive baseline, and agreement with the condition."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from avatarflow.core.paths import replacing

NAMES = {
    "real_floor": "real pictures (floor)",
    "released": "released",
    "baseline": "PCA-Gaussian (naive)",
}
COLOURS = {"real_floor": "#8a8a8a", "released": "#1f6f8b", "baseline": "#d9a441"}


def draw_overview(evaluation: Mapping[str, Any], path: str | Path) -> None:
    """Draw KID, coverage and agreement with their 95 % intervals as one PNG.

    Parameters
    ----------
    evaluation : mapping
        What `evaluation.evaluate` returns; figures that could not be measured are left out.
    path : path
        The `.png` to write.
    """
    canvas = Canvas(figsize=(9.6, 4.0), layout="constrained")
    kid, coverage, shown = canvas.subplots(1, 3)
    _encoder_bars(
        kid,
        evaluation["encoders"],
        "kid",
        "KID to held-out real pictures,\nover the naive sampler's (lower is better)",
    )
    _encoder_bars(
        coverage,
        evaluation["encoders"],
        "coverage",
        "Coverage of held-out real pictures\n(higher is better)",
    )
    _agreement_bars(shown, evaluation["agreement"])
    canvas.legend(
        *coverage.get_legend_handles_labels(),
        fontsize=8,
        frameon=False,
        loc="outside lower left",
        ncols=3,
    )
    with replacing(path) as temporary:
        canvas.savefig(temporary, dpi=120, format="png")


def _encoder_bars(axes: Axes, encoders: Mapping[str, Any], measure: str, title: str) -> None:
    for place, name in enumerate(NAMES):
        for number, found in enumerate(encoders.values()):
            figure = found[measure].get(name, {"value": None})
            if measure == "kid":  # encoders have scales of their own
                figure = _share(figure, found[measure].get("baseline", {"value": None})["value"])
            label = NAMES[name] if number == 0 else None
            _bar(axes, number + (place - 1) * 0.27, figure, COLOURS[name], label)
    axes.set_xticks(
        range(len(encoders)),
        [name.replace("_", "\n", 1).replace("_", " ") for name in encoders],
        fontsize=8,
    )
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set_title(title, fontsize=9)
    axes.set_ylabel("ratio" if measure == "kid" else "share of pictures", fontsize=8)
    axes.tick_params(labelsize=8)


def _agreement_bars(axes: Axes, columns: Mapping[str, Any]) -> None:
    bars = (("heldout_accuracy", "#8a8a8a"), ("asked", "#1f6f8b"), ("shuffled", "#d55e00"))
    labels = ("classifier on held-out real", "released, as asked", "control: shuffled labels")
    for place, ((name, colour), label) in enumerate(zip(bars, labels, strict=True)):
        for number, found in enumerate(columns.values()):
            _bar(
                axes,
                number + (place - 1) * 0.27,
                found[name],
                colour,
                label if number == 0 else None,
            )
    for number, found in enumerate(columns.values()):
        if found["chance"]:
            axes.hlines(
                found["chance"],
                number - 0.45,
                number + 0.45,
                colors="black",
                linestyles="dotted",
                linewidth=1,
            )
    axes.set_xticks(range(len(columns)), [name.replace("_", " ") for name in columns], fontsize=8)
    axes.set_ylim(0, 1.3)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
    axes.set_title("Agreement with the condition\n(dotted: chance)", fontsize=9)
    axes.set_ylabel("share of pictures", fontsize=8)
    axes.tick_params(labelsize=8)
    if columns:
        axes.legend(fontsize=8, frameon=False, loc="upper center")


def _share(figure: Mapping[str, Any], whole: float | None) -> dict[str, Any]:
    """Return a figure and its interval divided by a number; empty where there is none to divide by."""
    if not whole or whole < 0 or figure["value"] is None:
        return {"value": None}
    return {
        name: figure[name] / whole if figure[name] is not None else None
        for name in ("value", "low", "high")
    }


def _bar(
    axes: Axes, place: float, figure: Mapping[str, Any], colour: str, label: str | None
) -> None:
    value = figure["value"]
    if value is None:
        return
    low, high = (figure[name] if figure[name] is not None else value for name in ("low", "high"))
    reach = [[max(0.0, value - low)], [max(0.0, high - value)]]
    axes.bar(
        place,
        value,
        0.25,
        color=colour,
        label=label,
        yerr=reach,
        capsize=3,
        error_kw={"linewidth": 1},
    )
