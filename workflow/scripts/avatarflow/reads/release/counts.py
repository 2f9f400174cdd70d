"""How many fragments came into each step of a release of reads, went on, and were left out."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.counts import REFUSED, balance
from avatarflow.core.outcomes import PASS

STEPS = {
    "taken": "fragments brought: long enough to be judged",
    "cleaned": "fragments judged: no tool that cleans calls them human",
    "release": "fragments left: published (those that a detection tool calls human stay in and count as bits)",
    "spike_ins": "spike-ins, human by making: seen by some tool",
}
"""What comes in and what goes on, by step, in order."""


def read_counts(certificate: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counts of each of `STEPS`, as `core.counts.balance` gives them.

    Parameters
    ----------
    certificate : mapping
        As `certificate.certificate` makes it.

    Raises
    ------
    AvatarflowError
        If the fragments judged are not those taken in.
    """
    measured = certificate["measured"]
    reads, counts = measured["reads"], measured["counts"]
    short = reads["short_fragments_left_out"]
    left = counts["fragments"] - counts["removed"]
    published = left if certificate["decision"] == PASS else 0
    unseen = counts["spikes_unseen"]
    return {
        "taken": balance(
            "fragments", reads["fragments"] + short, counts["fragments"], _named("too short", short)
        ),
        "cleaned": balance(
            "cleaned fragments",
            counts["fragments"],
            left,
            _named("removed as human", counts["removed"]),
        ),
        "release": balance("the release", left, published, _named(REFUSED, left - published)),
        "spike_ins": balance(
            "spike-ins", counts["spike_ins"], counts["spike_ins"] - unseen, _named("seen by no tool", unseen)
        ),
    }  # fmt: skip


def _named(reason: str, count: int) -> dict[str, int]:
    return {reason: count} if count else {}
