"""Independent matchers: do two photographs show one eye? They share nothing with the fingerprint.

Each is one module with `template(picture)`, None where there is nothing to compare, and `similarity(one, other)`;
`MATCHERS` names them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import refuse

from . import fundus, iris, keypoints


@dataclass(frozen=True)
class Matcher:
    """A matcher.

    Parameters
    ----------
    template : callable
        What it keeps of a picture, or None where there is nothing to compare.
    similarity : callable
        How alike two such are; higher is more alike.
    same_file : float
        A similarity from which on two pictures are one file, which proves nothing.
    asks_all : bool
        Whether it is asked about every original (`keypoint_votes`) and not about the nearest by fingerprint alone.
    """

    template: Callable[[Pictures], Any | None]
    similarity: Callable[[Any, Any], float]
    same_file: float = 1 - 1e-5
    asks_all: bool = False


MATCHERS = {
    "fundus": Matcher(fundus.template, fundus.similarity),
    "keypoints": Matcher(
        keypoints.template, keypoints.similarity, same_file=keypoints.SAME_FILE, asks_all=True
    ),
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
