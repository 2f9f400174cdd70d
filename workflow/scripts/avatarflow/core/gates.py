"""Gates: an estimate held against a threshold that stood in the config before anything was measured.

Gates fail closed: without an estimate, without a threshold, where a number is not finite, or where nothing was there
to measure (n is 0), a gate is inconclusive.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from .outcomes import FAIL, INCONCLUSIVE, PASS
from .statistics import Estimate, finite

AT_LEAST, AT_MOST, ABOVE = "at least", "at most", "above"
SHARE, WHOLE, OPEN = "between 0 and 1", "counted in whole numbers", "any number"


class Unit(NamedTuple):
    """What a gate's figure measures in, what n counts, and on which scale the figure lies."""

    figure: str
    n: str
    scale: str = SHARE


class Rule(NamedTuple):
    """How a gate holds an estimate against its threshold, and what the estimate is in plain words.

    With `bound` the cautious end of the confidence interval is held, else the value. A breach counts as
    `breach`. A threshold of `off` or beyond, which no figure can breach, switches the gate off: it is left out.
    """

    direction: str
    meaning: str
    unit: Unit
    bound: bool = False
    breach: str = FAIL
    off: float | None = None

    def is_off(self, threshold: Any) -> bool:
        """Whether the config switches the gate off: what it asks is not checked, and nothing may say that it passed."""
        limit = finite(threshold)
        if self.off is None or limit is None:
            return False
        return limit >= self.off if self.direction == AT_MOST else limit <= self.off


@dataclass(frozen=True)
class Gate:
    """One gate's outcome; `held` is the number that was held against the threshold, value or end of the interval."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    threshold: float | None
    direction: str
    result: str
    meaning: str
    held: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


def hold(name: str, rule: Rule, estimate: Estimate, threshold: Any) -> Gate:
    """Hold one estimate against its threshold.

    >>> rule = Rule(AT_LEAST, "what is rejected", Unit("share of pictures", "pictures"))
    >>> hold("share", rule, Estimate(0.99, 0.98, 1.0, 50), 0.95).result
    'pass'
    >>> hold("share", rule, Estimate(0.99, 0.98, 1.0, 0), 0.95).result
    'inconclusive'
    """
    limit = finite(threshold)
    held = estimate.value
    if rule.bound:
        held = estimate.high if rule.direction == AT_MOST else estimate.low
    held = None if estimate.value is None or estimate.n < 1 else finite(held)
    if limit is None or held is None:
        result = INCONCLUSIVE
    else:
        result = PASS if holds(held, rule.direction, limit) else rule.breach
    return Gate(
        name,
        estimate.value,
        estimate.low,
        estimate.high,
        estimate.n,
        limit,
        rule.direction,
        result,
        rule.meaning,
        held,
    )


def hold_each(
    names: Iterable[str],
    rules: Mapping[str, Rule],
    figures: Mapping[str, Estimate],
    thresholds: Mapping[str, Any],
) -> list[Gate]:
    """Hold gates by name, `<kind>` or `<kind>.<column>`; one without a figure is inconclusive."""
    kinds = {name: name.partition(".")[0] for name in names}
    return [
        hold(name, rules[kind], figures.get(name, Estimate.missing()), thresholds.get(kind))
        for name, kind in kinds.items()
    ]


def switched_off(rules: Mapping[str, Rule], thresholds: Mapping[str, Any]) -> list[str]:
    """Return the gates that the config's thresholds switch off."""
    return [name for name, rule in rules.items() if rule.is_off(thresholds.get(name))]


def all_pass(gates: Iterable[Gate]) -> bool:
    """Return whether there are gates and every one of them passes."""
    results = [gate.result for gate in gates]
    return bool(results) and all(result == PASS for result in results)


def holds(value: float, direction: str, limit: float) -> bool:
    """Return whether a number keeps to a limit."""
    if direction == AT_MOST:
        return value <= limit
    return value > limit if direction == ABOVE else value >= limit
