"""Canaries as the independent matcher finds them: a judge that shares nothing with the encoder of the cone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from avatarflow.core import seeds
from avatarflow.core.arrays import Pictures
from avatarflow.privacy.attacks.on_pictures.views import Pixels
from avatarflow.privacy.verifier import Matcher, matcher

USUAL = 0.05  # quantile of what noisy copies of a canary reach: less is no copy
IMPOSTOR_PAIRS = 100  # pairs of two canaries that show what two eyes reach
NOISE = 6.0  # grey levels, of those copies


@dataclass(frozen=True)
class Sightings:
    """What the matcher says of each canary.

    Parameters
    ----------
    best : (n,) int64
        The picture most like it by correlation, which the matcher looked at.
    similarity : (n,) float64
    matched : (n,) bool
        As alike as noisy copies of canaries usually are to them, and more alike than any two canaries.
    thresholds : dict
        `copies` (the lower 5 % of what copies reach), `impostors` (the most that two canaries reach) and `pairs`.
    """

    best: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]
    matched: npt.NDArray[np.bool_]
    thresholds: dict[str, float]

    @classmethod
    def of(
        cls,
        canaries: Pictures,
        pictures: Pictures,
        kind: str,
        items: npt.NDArray[np.int64],
        seed: int,
    ) -> "Sightings":
        """Look for canaries among pictures; without pictures none is found."""
        match = matcher(kind)
        kept = [match.template(each) for each in canaries]
        drawn = seeds.generator(seed, "canary pairs")
        pairs = drawn.integers(0, len(kept), (IMPOSTOR_PAIRS, 2))
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        impostors = [alike(match, kept[one], kept[other]) for one, other in pairs]
        copies = [
            alike(match, match.template(noisy(each, seed, int(item))), own)
            for each, item, own in zip(canaries, items, kept, strict=True)
        ]
        limits = {
            "copies": float(np.quantile(copies, USUAL)),
            "impostors": max(impostors, default=1.0),
        }
        limits["pairs"] = len(pairs)
        if not len(pictures):
            nothing = np.zeros(len(kept), np.int64)
            return cls(nothing, np.zeros(len(kept)), nothing > 0, limits)
        view = Pixels.fit(pictures)
        best = (view.rows(canaries) @ view.rows(pictures).T).argmax(1).astype(np.int64)
        seen = {int(row): match.template(pictures[row]) for row in np.unique(best)}
        similarity = np.array(
            [alike(match, seen[int(row)], own) for row, own in zip(best, kept, strict=True)]
        )
        return cls(
            best,
            similarity,
            (similarity >= limits["copies"]) & (similarity > limits["impostors"]),
            limits,
        )


def alike(match: Matcher, one: Any, other: Any) -> float:
    """Similarity of two templates; the least there is where the matcher has nothing to compare."""
    return -1.0 if one is None or other is None else match.similarity(one, other)


def noisy(picture: Pictures, seed: int, item: int) -> Pictures:
    """Return the picture with noise: a copy that nobody would take for another eye."""
    noise = seeds.generator(seed, "canary noise", item).normal(0, NOISE, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255).round(), np.uint8)
