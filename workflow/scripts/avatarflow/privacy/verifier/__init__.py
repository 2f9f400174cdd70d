"""Independent matchers: do two photographs show one eye? They share nothing with the fingerprint.

Each is one module with `template(picture)`, None where there is nothing to compare, and `similarity(one, other)`, 1 for
the same picture; `MATCHERS` names them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import refuse

from . import fundus, iris


@dataclass(frozen=True)
class Matcher:
    """A matcher: what it keeps of a picture (or None), and how alike two such are (higher is more alike)."""

    template: Callable[[Pictures], Any | None]
    similarity: Callable[[Any, Any], float]


MATCHERS = {
    "fundus": Matcher(fundus.template, fundus.similarity),
    "iris": Matcher(iris.template, iris.similarity),
}


def matcher(name: str) -> Matcher:
    """Return the matcher of that name.

    Raises
    ------
    AvatarflowError
        If there is none.
    """
    if name not in MATCHERS:
        raise refuse(
            "verifier", f"there is no matcher {name!r}", f"choose from {', '.join(MATCHERS)}"
        )
    return MATCHERS[name]
