"""What an attacker of released data holds, in one view of the pictures; and the same with a leak planted in it."""

from dataclasses import dataclass, replace

import numpy as np

from avatarflow.core import seeds
from avatarflow.core.arrays import Integers, Mask, Rows
from avatarflow.privacy.attacks.subjects import half_of


@dataclass(frozen=True)
class Knowledge:
    """Released pictures and the pictures of known persons, as rows of one feature space.

    Parameters
    ----------
    released : (m, d) float32
        Unit rows.
    released_labels : (m, columns) int64
        Places of the labels in their lists; -1 where missing.
    known : (n, d) float32
        Unit rows: pictures of members and of non-members.
    labels : (n, columns) int64
    persons, eyes : (n,) int64
        Run-local numbers; eyes are -1 where not known.
    member : (n,) bool
        Whether the person was trained on.
    seed : int
    """

    released: Rows
    released_labels: Integers
    known: Rows
    labels: Integers
    persons: Integers
    eyes: Integers
    member: Mask
    seed: int


def halves(knowledge: Knowledge) -> Knowledge:
    """Return the non-members alone, half of them called members: data that know nothing of either half."""
    keep = ~knowledge.member
    chosen = half_of(knowledge.persons[keep], knowledge.seed)
    return replace(
        knowledge,
        known=knowledge.known[keep],
        labels=knowledge.labels[keep],
        persons=knowledge.persons[keep],
        eyes=knowledge.eyes[keep],
        member=chosen,
    )


def planted(knowledge: Knowledge, copies: Rows, secret: bool = False) -> Knowledge:
    """Return the non-members alone, altered copies of half of them planted among the released pictures.

    Parameters
    ----------
    copies : (non-members' pictures, c, d)
        Rows of altered copies of every non-member's picture, in the order of `known`.
    secret : bool
        Whether labels are replaced by random ones: a label that the picture itself does not show, which only a copy
        can give away.
    """
    control = halves(knowledge)
    labels, released_labels = control.labels, control.released_labels
    if secret:
        labels, released_labels = (
            _secret(part, knowledge.seed, name)
            for part, name in ((labels, "known"), (released_labels, "released"))
        )
    count, each = copies.shape[:2]
    if count != len(control.known):
        raise ValueError(
            f"planted: copies of {count} pictures for {len(control.known)}; give all non-members' pictures"
        )
    leaked = copies[control.member].reshape(-1, copies.shape[-1])
    leaked_labels = np.repeat(labels[control.member], each, 0)
    return replace(
        control,
        labels=labels,
        released=np.concatenate([knowledge.released, leaked]),
        released_labels=np.concatenate([released_labels, leaked_labels]),
    )


def _secret(codes: Integers, seed: int, purpose: str) -> Integers:
    """As many random labels of two values."""
    return seeds.generator(seed, f"attack secret {purpose}").integers(0, 2, codes.shape)
