"""The certificate: what was asked, what was measured, and for each gate pass, fail or insufficient.

It fails closed: a figure that is missing or not finite, a gate without a threshold and a threshold without a figure are
all insufficient, and data leave only where every gate passes.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from avatarflow.quality.intervals import Figure

from .claim import claim
from .model_gate import model_gate

VERSION = 1
DIGITS = 6  # significant digits of every number, so that rounding noise of a machine does not show


class Rule(NamedTuple):
    """How a gate holds a figure against its threshold, and what it is in plain words."""

    direction: str
    holds: Callable[[float, float], bool]
    meaning: str


AT_LEAST: Callable[[float, float], bool] = lambda value, threshold: value >= threshold  # noqa: E731
AT_MOST: Callable[[float, float], bool] = lambda value, threshold: value <= threshold  # noqa: E731
ABOVE: Callable[[float, float], bool] = lambda value, threshold: value > threshold  # noqa: E731

RULES: dict[str, Rule] = {
    "calibration_rejection": Rule(
        "at least", AT_LEAST, "share of altered originals of test persons that the cone rejects"
    ),
    "specificity": Rule(
        "at least", AT_LEAST, "share of real pictures of persons never trained on that the cone accepts"
    ),
    "nearest_original": Rule(
        "above", ABOVE, "smallest risk among the released pictures (angle to the nearest cone over its half-angle)"
    ),
    "agreement": Rule("at least", AT_LEAST, "share of released pictures that show the asked condition"),
    "shuffled_control": Rule(
        "at most", AT_MOST, "how far the control classifier, trained on shuffled labels, is from chance"
    ),
    "kid_ratio": Rule("at most", AT_MOST, "distance to held-out real pictures over that of a PCA-Gaussian sampler"),
    "coverage_ratio": Rule("at least", AT_LEAST, "coverage of held-out real pictures over that of real pictures"),
    "shown_leaks": Rule("at most", AT_MOST, "attacks on the released pictures that show a leak beyond doubt"),
    "canaries_found": Rule(
        "at most", AT_MOST, "planted canaries, trained on by the teacher, that released pictures show"
    ),
    "released_count": Rule("at least", AT_LEAST, "released pictures of the condition"),
}
"""Every gate there is. `agreement`, `shuffled_control` and `released_count` appear once per column or condition, as
`agreement.<column>`, and share one threshold."""

WHERE_ASKED = ("canaries_found",)
"""Gates that are there only where the config asks for what they hold: without a threshold nothing was asked."""


@dataclass(frozen=True)
class Gate:
    """One gate's outcome."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    threshold: float | None
    direction: str
    result: str
    meaning: str


def gate(name: str, figure: Figure, threshold: Any) -> Gate:
    """Hold one figure against its threshold.

    Parameters
    ----------
    name : str
        A name in `RULES`, or one of them, a dot and the column or condition.
    figure : Figure
    threshold : number or None
    """
    rule = RULES[name.partition(".")[0]]
    limit = Figure.of({"value": threshold}).value
    if limit is None or figure.value is None or not math.isfinite(figure.value):
        result = "insufficient"
    else:
        result = "pass" if rule.holds(figure.value, limit) else "fail"
    return Gate(
        name, figure.value, figure.low, figure.high, figure.n, limit, rule.direction, result, rule.meaning
    )  # fmt: skip


def hold(figures: Mapping[str, Figure], thresholds: Mapping[str, Any]) -> list[Gate]:
    """Hold every figure against its gate, in the order of `RULES`; a gate without any figure is insufficient.

    Parameters
    ----------
    figures : mapping of gate name to Figure
        As from `figures.release_figures`.
    thresholds : mapping of gate name to number
        The `gates` section of the config, and those of `WHERE_ASKED` that were asked for.

    Raises
    ------
    ValueError
        If a figure belongs to no gate.
    """
    unknown = sorted(name for name in figures if name.partition(".")[0] not in RULES)
    if unknown:
        raise ValueError(f"hold: figures without a gate: {', '.join(unknown)}; name gates of RULES")
    gates = []
    for kind in RULES:
        own = {name: figure for name, figure in figures.items() if name.partition(".")[0] == kind}
        if kind in WHERE_ASKED and kind not in thresholds and not own:
            continue
        for name, figure in (own or {kind: Figure.missing()}).items():
            gates.append(gate(name, figure, thresholds.get(kind)))
    return gates


def certificate(
    name: str,
    gates: list[Gate],
    asked: Mapping[str, Any],
    measured: Mapping[str, Any],
    unit: str,
    coverage: Mapping[str, Any],
    model: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The certificate as plain values with sorted keys: no time, host or path.

    Parameters
    ----------
    name : str
        The release's name in the config.
    gates : list of Gate
    asked : mapping
        What the config asked for: conditions, numbers, thresholds.
    measured : mapping
        Every figure behind the gates.
    unit : str
        `person` or `eye`: what the originals allow to be told apart.
    coverage : mapping
        What the cones' calibration promises: `mode`, `persons`, `mean_miss`, `miss_bound`.
    model : mapping, optional
        As from `model_gate.model_gate`; without one the generator stays in.
    """
    passed = bool(gates) and all(each.result == "pass" for each in gates)
    plain: dict[str, Any] = clean(
        {
            "version": VERSION,
            "release": name,
            "decision": "pass" if passed else "refuse",
            "reasons": [f"{each.name}: {each.result}" for each in gates if each.result != "pass"],
            "gates": [asdict(each) for each in gates],
            "model_gate": model or model_gate(None, None),
            "asked": asked,
            "measured": measured,
            "unit": unit,
            "claim": claim(unit, coverage),
        }
    )
    return plain


def clean(value: Any) -> Any:
    """JSON-able values: keys sorted, numbers to 6 significant digits, what is not finite as None."""
    if isinstance(value, Mapping):
        return {str(key): clean(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [clean(each) for each in value]
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int):
        return value
    number = float(value)
    return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None
