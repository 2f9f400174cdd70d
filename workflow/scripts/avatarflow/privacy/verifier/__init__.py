"""Independent matchers: do two photographs show one eye? They share nothing with the fingerprint.

Each is one module with `template(picture)`, None where there is nothing to compare, and `similarity(one, other)`;
`MATCHERS` names them.
"""

from collections.abc import Callable, Iterable
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
    variants : callable, optional
        What it keeps of a candidate as it is and changed in a few ways; a matcher that has them is asked about every
        original (`keypoint_votes`).
    """

    template: Callable[[Pictures], Any | None]
    similarity: Callable[[Any, Any], float]
    same_file: float = 1 - 1e-5
    variants: Callable[[Pictures], Iterable[Any]] | None = None

    @property
    def asks_all(self) -> bool:
        """Whether it is asked about every original and not about the nearest by fingerprint alone."""
        return self.variants is not None

    def of_candidate(self, picture: Pictures) -> Iterable[Any]:
        """Return what it keeps of a candidate, if it is asked about every original."""
        if self.variants is None:
            raise TypeError("a matcher that is asked about the nearest originals only")
        return self.variants(picture)


MATCHERS = {
    "fundus": Matcher(fundus.template, fundus.similarity),
    "keypoints": Matcher(
        keypoints.template,
        keypoints.similarity,
        same_file=keypoints.SAME_FILE,
        variants=keypoints.variants,
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
