"""Gates: an estimate held against a threshold that stood in the config before anything was measured.

Gates fail closed: without an estimate, without a threshold, or where a number is not finite, a gate is inconclusive.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from .outcomes import FAIL, INCONCLUSIVE, PASS
from .statistics import Estimate, finite

AT_LEAST, AT_MOST, ABOVE = "at least", "at most", "above"


class Rule(NamedTuple):
    """How a gate holds an estimate against its threshold, and what the estimate is in plain words.

    With `bound` the cautious end of the confidence interval is held, else the value. A breach counts as `breach`.
    """

    direction: str
    meaning: str
    bound: bool = False
    breach: str = FAIL


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

    >>> hold("share", Rule(AT_LEAST, "what is rejected"), Estimate(0.99, 0.98, 1.0, 50), 0.95).result
    'pass'
    >>> hold("share", Rule(AT_LEAST, "what is rejected"), Estimate.missing(), 0.95).result
    'inconclusive'
    """
    limit = finite(threshold)
    held = estimate.value
    if rule.bound:
        held = estimate.high if rule.direction == AT_MOST else estimate.low
    if limit is None or estimate.value is None or held is None or not math.isfinite(held):
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
        None if estimate.value is None else finite(held),
    )


def all_pass(gates: Iterable[Gate]) -> bool:
    """Return whether there are gates and every one of them passes."""
    results = [gate.result for gate in gates]
    return bool(results) and all(result == PASS for result in results)


def holds(value: float, direction: str, limit: float) -> bool:
    """Return whether a number keeps to a limit."""
    if direction == AT_MOST:
        return value <= limit
    return value > limit if direction == ABOVE else value >= limit
