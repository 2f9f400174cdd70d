"""The cone, as one rule among others: the scale it needs to reject a candidate."""

from avatarflow.core.arrays import Floats
from avatarflow.privacy.cones.cone import needed_scales

from .neighbourhood import Candidates, Originals


def score(candidates: Candidates, originals: Originals) -> Floats:
    """Return the smallest scale c at which some clipped cone holds the candidate; infinite where none ever does."""
    return needed_scales(originals.cones, candidates.fingerprints)
