"""Global distance: one threshold for all originals (distance to closest record)."""

from avatarflow.core.arrays import Floats

from .neighbourhood import Candidates, Originals


def score(candidates: Candidates, originals: Originals) -> Floats:
    """Angle to the nearest original.

    References
    ----------
    As used by Fernandez et al. 2023, Privacy Distillation (arXiv 2306.01322), and tabular tools as "DCR".
    """
    del originals
    return candidates.angles_rad[:, 0]
