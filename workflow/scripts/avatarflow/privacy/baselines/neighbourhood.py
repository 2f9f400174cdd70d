"""What a rule may look at: the originals, and of each candidate its nearest ones."""

from dataclasses import dataclass

import numpy as np

from avatarflow.core.arrays import Floats, Integers, Rows
from avatarflow.core.errors import refuse
from avatarflow.privacy.cones.cone import Cones, local_sparsity
from avatarflow.privacy.search.neighbours import Gallery, nearest

NEAREST = 50
"""Neighbours of a candidate that Carlini's ratio asks for; the others need fewer."""


@dataclass(frozen=True)
class Originals:
    """The gallery.

    Parameters
    ----------
    cones : Cones
        Fingerprints, R, rho and the cones' shape; their scale c is not used.
    persons : (m,)
    nearest_other_rad : (m,)
        Angle of each original to its nearest original of another person.
    sparsity_rad : (m,)
        Mean angle of each original to its k nearest originals of other persons, k as for the cones; unlike the cones'
        own, whether or not these lie inside its own radius.
    """

    cones: Cones
    persons: Integers
    nearest_other_rad: Floats
    sparsity_rad: Floats

    @classmethod
    def of(cls, cones: Cones, persons: Integers) -> "Originals":
        """From cones and whose they are."""
        if len(persons) != len(cones.fingerprints):
            found = f"{len(persons)} persons for {len(cones.fingerprints)} originals"
            raise refuse("originals", found, "give one person per original")
        nearest, sparsity = (
            local_sparsity(cones.fingerprints, persons, k) for k in (1, cones.shape.k)
        )
        return cls(cones, persons, nearest, sparsity)


@dataclass(frozen=True)
class Candidates:
    """Pictures to be scored.

    Parameters
    ----------
    fingerprints : (n, d)
    angles_rad, nearest : (n, k)
        Angles to the nearest originals, ascending, and their rows; k reaches past the pictures of any one person.
    """

    fingerprints: Rows
    angles_rad: Floats
    nearest: Integers

    @classmethod
    def of(cls, fingerprints: Rows, originals: Originals) -> "Candidates":
        """Search the originals once for all rules."""
        most = int(np.unique(originals.persons, return_counts=True)[1].max())
        Gallery(originals.cones.fingerprints, "originals").check_queries("candidates", fingerprints)
        angles, index = nearest(fingerprints, originals.cones.fingerprints, NEAREST + most)
        return cls(fingerprints, angles, index)


def over(distance: Floats, scale: Floats) -> Floats:
    """Return a ratio of angles; 0 where the distance is 0, whatever the scale: a copy is a copy."""
    return np.divide(
        distance, scale, out=np.where(distance > 0, np.inf, 0.0), where=(scale > 0) & (distance > 0)
    )
