"""The gates before cleaned reads: each holds the cautious end of a figure against a threshold from the config."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.gates import (
    AT_LEAST,
    AT_MOST,
    OPEN,
    WHOLE,
    Gate,
    Rule,
    Unit,
    all_pass,
    hold_each,
    switched_off,
)
from avatarflow.core.outcomes import INCONCLUSIVE
from avatarflow.core.statistics import Estimate

RULES: dict[str, Rule] = {
    "calls": Rule(
        AT_LEAST,
        "share of the tools asked for that gave calls on all fragments",
        Unit("share of the tools", "tools"),
        bound=True,
        breach=INCONCLUSIVE,
    ),
    "detection_tools": Rule(
        AT_LEAST,
        "tools that looked for human fragments after the cleaning",
        Unit("tools", "tools", WHOLE),
        bound=True,
        breach=INCONCLUSIVE,
    ),
    "spike_ins": Rule(
        AT_LEAST,
        "simulated human fragments mixed in, of which misses were counted",
        Unit("fragments", "fragments", WHOLE),
        bound=True,
        breach=INCONCLUSIVE,
    ),
    "reference_match": Rule(
        AT_LEAST,
        "share of the human genome's fingerprint that the reference has",
        Unit("share of k-mers", "kmers"),
        bound=True,
        breach=INCONCLUSIVE,
        off=0.0,
    ),
    "human_signs": Rule(
        AT_MOST,
        "share of the fragments with repeats of the human genome that no tool calls human; of the spike-ins with such "
        "repeats where the sample has no such fragment",
        Unit("share of fragments", "fragments"),
        off=1.0,
    ),
    "repeat_excess": Rule(
        AT_MOST,
        "how many times more repeats the fragments called human show than the reference has, lower end",
        Unit("ratio of shares", "fragments", OPEN),
        breach=INCONCLUSIVE,
    ),
    "miss_rate": Rule(
        AT_MOST,
        "share of human fragments that no tool sees, upper end",
        Unit("share of fragments", "fragments"),
        bound=True,
    ),
    "bits_left": Rule(
        AT_MOST,
        "bits about the donor in all human fragments that are left, upper end",
        Unit("bits", "fragments", OPEN),
        bound=True,
    ),
}


def figures_of(found: Mapping[str, Any], detection_tools: int) -> dict[str, Estimate]:
    """The gates' figures out of an assessment; what it lacks is missing."""
    tools, counts = found["tools"], found["counts"]
    silent = len(tools["without_verdicts"])
    return {
        "calls": Estimate.exact((tools["asked"] - silent) / tools["asked"], tools["asked"]),
        "detection_tools": Estimate.exact(detection_tools, detection_tools),
        "spike_ins": Estimate.exact(counts["spike_ins"], counts["spike_ins"]),
        **_of_signs(found.get("signs")),
        "miss_rate": Estimate.of(found["miss_rate"]),
        "bits_left": Estimate.of(found["bits"]),
    }


def _of_signs(signs: Mapping[str, Any] | None) -> dict[str, Estimate]:
    """What speaks for the reference, whatever the spike-ins say, which come from it.

    A sample without a fragment that shows signs says nothing of whether the tools see such fragments. The spike-ins
    with signs do then; where there are none either, nothing was measured.
    """
    if signs is None:
        return {}
    shown = signs if signs["fragments"] else signs["spike_ins"]
    n = shown["fragments"]
    return {
        "reference_match": Estimate.exact(signs["reference_share"], signs["reference_kmers"]),
        "human_signs": Estimate.exact(shown["unseen"] / n, n) if n else Estimate.missing(),
        "repeat_excess": Estimate.of(signs["excess"]),
    }


def hold_all(figures: Mapping[str, Estimate], thresholds: Mapping[str, Any]) -> list[Gate]:
    """Hold every gate that is not switched off; one without figure, interval or threshold is inconclusive."""
    return hold_each(_asked(thresholds), RULES, figures, thresholds)


def passed(gates: list[Gate], thresholds: Mapping[str, Any]) -> bool:
    """Whether the reads may be released: every gate that is not switched off is there, once, and passes."""
    return [gate.name for gate in gates] == _asked(thresholds) and all_pass(gates)


def _asked(thresholds: Mapping[str, Any]) -> list[str]:
    off = switched_off(RULES, thresholds)
    return [name for name in RULES if name not in off]
