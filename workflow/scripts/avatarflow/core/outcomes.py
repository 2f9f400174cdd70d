"""The three outcomes of everything that is judged. What cannot be judged is inconclusive, and that is never a pass."""

from collections.abc import Iterable

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"


def worst(outcomes: Iterable[str]) -> str:
    """Return the worst of several outcomes: a failure, else what is inconclusive, else a pass; nothing is inconclusive.

    >>> worst(["pass", "inconclusive"])
    'inconclusive'
    """
    seen = set(outcomes)
    if not seen:
        return INCONCLUSIVE
    return next((outcome for outcome in (FAIL, INCONCLUSIVE) if outcome in seen), PASS)
