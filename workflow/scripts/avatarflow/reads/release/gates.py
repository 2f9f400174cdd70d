"""The gates before cleaned reads: each holds one end of a figure against a limit that stood in the config before."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from avatarflow.quality.intervals import Figure

PASS, FAIL, INSUFFICIENT = "pass", "fail", "insufficient"
AT_LEAST, AT_MOST = "at least", "at most"


class Rule(NamedTuple):
    """Which figure, which way, and what it is in plain words; `short` is what a breach counts as."""

    direction: str
    short: str
    meaning: str


RULES: dict[str, Rule] = {
    "verdicts": Rule(AT_LEAST, INSUFFICIENT, "share of the tools asked for that gave verdicts on all fragments"),
    "watchers": Rule(AT_LEAST, INSUFFICIENT, "tools that looked for human fragments after the cleaning"),
    "spike_ins": Rule(AT_LEAST, INSUFFICIENT, "simulated human fragments mixed in, of which misses were counted"),
    "miss_rate": Rule(AT_MOST, FAIL, "share of human fragments that no tool sees, upper end"),
    "bits_left": Rule(AT_MOST, FAIL, "bits about the donor in all human fragments that are left, upper end"),
}


@dataclass(frozen=True)
class Gate:
    """One gate's outcome."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    limit: float | None
    direction: str
    result: str
    meaning: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def figures_of(found: Mapping[str, Any], watching: int) -> dict[str, Figure]:
    """The gates' figures out of an assessment; what it lacks is missing."""
    tools, counts = found["tools"], found["counts"]
    silent = len(tools["without_verdicts"])
    return {
        "verdicts": Figure.exact((tools["asked"] - silent) / tools["asked"], tools["asked"]),
        "watchers": Figure.exact(watching, watching),
        "spike_ins": Figure.exact(counts["spike_ins"], counts["spike_ins"]),
        "miss_rate": Figure.of(found["miss_rate"]),
        "bits_left": Figure.of(found["bits"]),
    }


def hold(figures: Mapping[str, Figure], limits: Mapping[str, Any]) -> list[Gate]:
    """Hold every gate there is; one without figure, interval or limit is insufficient."""
    return [_gate(name, figures.get(name, Figure.missing()), limits.get(name)) for name in RULES]


def _gate(name: str, figure: Figure, limit: Any) -> Gate:
    rule = RULES[name]
    wanted = Figure.of({"value": limit}).value
    held = figure.high if rule.direction == AT_MOST else figure.low
    if wanted is None or figure.value is None or held is None or not math.isfinite(held):
        result = INSUFFICIENT
    elif held <= wanted if rule.direction == AT_MOST else held >= wanted:
        result = PASS
    else:
        result = rule.short
    return Gate(
        name, figure.value, figure.low, figure.high, figure.n, wanted, rule.direction, result, rule.meaning
    )  # fmt: skip


def passed(gates: list[Gate]) -> bool:
    """Whether the reads may leave: every gate of `RULES` is there, once, and passes."""
    return [gate.name for gate in gates] == [*RULES] and all(gate.result == PASS for gate in gates)
