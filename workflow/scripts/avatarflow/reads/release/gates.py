"""The gates before cleaned reads: each holds the cautious end of a figure against a threshold from the config."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.gates import AT_LEAST, AT_MOST, Gate, Rule, all_pass, hold
from avatarflow.core.outcomes import INCONCLUSIVE
from avatarflow.core.statistics import Estimate

RULES: dict[str, Rule] = {
    "calls": Rule(
        AT_LEAST,
        "share of the tools asked for that gave calls on all fragments",
        bound=True,
        breach=INCONCLUSIVE,
    ),
    "detection_tools": Rule(
        AT_LEAST,
        "tools that looked for human fragments after the cleaning",
        bound=True,
        breach=INCONCLUSIVE,
    ),
    "spike_ins": Rule(
        AT_LEAST,
        "simulated human fragments mixed in, of which misses were counted",
        bound=True,
        breach=INCONCLUSIVE,
    ),
    "reference_match": Rule(
        AT_LEAST,
        "share of the human genome's fingerprint that the reference has",
        bound=True,
        breach=INCONCLUSIVE,
    ),
    "human_signs": Rule(
        AT_MOST, "share of the fragments with repeats of the human genome that no tool calls human"
    ),
    "repeat_excess": Rule(
        AT_MOST,
        "how many times more repeats the fragments called human show than the reference has, lower end",
        breach=INCONCLUSIVE,
    ),
    "miss_rate": Rule(AT_MOST, "share of human fragments that no tool sees, upper end", bound=True),
    "bits_left": Rule(
        AT_MOST, "bits about the donor in all human fragments that are left, upper end", bound=True
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
    """What speaks for the reference, whatever the spike-ins say, which come from it."""
    if signs is None:
        return {}
    fragments = signs["fragments"]
    return {
        "reference_match": Estimate.exact(signs["reference_share"], signs["reference_kmers"]),
        "human_signs": Estimate.exact(signs["unseen"] / max(fragments, 1), fragments),
        "repeat_excess": Estimate.of(signs["excess"]),
    }


def hold_all(figures: Mapping[str, Estimate], thresholds: Mapping[str, Any]) -> list[Gate]:
    """Hold every gate there is; one without figure, interval or threshold is inconclusive."""
    return [
        hold(name, rule, figures.get(name, Estimate.missing()), thresholds.get(name))
        for name, rule in RULES.items()
    ]


def passed(gates: list[Gate]) -> bool:
    """Whether the reads may leave: every gate of `RULES` is there, once, and passes."""
    return [gate.name for gate in gates] == [*RULES] and all_pass(gates)
