"""How much wider than their promise needs cones are: until they would refuse a share of other patients' originals.

The promise covers the families of perturbations that were drawn. Where the verifier recognises nearly all of these, the
promise alone would leave the cones so narrow that they catch nothing else. Wider cones keep it all the same, and what
they cost is known beforehand: a share of real pictures of persons who were never trained on.
"""

from dataclasses import replace

import numpy as np

from avatarflow.core.arrays import Integers, Mask

from .cone import Cones, needed_scales

FOLDS = 4
"""In which the persons asked about are taken out of the gallery, so that it is hardly sparser."""


def margin_scale(cones: Cones, places: Integers, share: float) -> float:
    """Return the scale at which cones would refuse a share of originals, if these were nobody's in the gallery.

    Parameters
    ----------
    cones : Cones
        From `uncalibrated`.
    places : (n,)
        Of those originals in the gallery: of persons whom the encoder was not trained on.
    share : float
        0 gives 0: no margin.

    Returns
    -------
    float
        0 where no cone reaches any of them, however wide.
    """
    people = np.unique(cones.owners[places])
    needed = []
    for fold in range(min(FOLDS, len(people)) if share > 0 else 0):
        out = np.isin(cones.owners, people[fold::FOLDS])
        asked = np.intersect1d(places, np.flatnonzero(out))
        needed.append(needed_scales(_without(cones, out), cones.fingerprints[asked]))
    scales = np.sort(np.concatenate([np.zeros(0), *needed]))
    reached = scales[: int(share * len(scales))]
    finite = reached[np.isfinite(reached)]
    return float(finite[-1]) if len(finite) else 0.0


def _without(cones: Cones, out: Mask) -> Cones:
    """The cones of all originals but some."""
    names = ("fingerprints", "rows", "radii_rad", "sparsity_rad")
    kept = {name: getattr(cones, name)[~out] for name in names}
    return replace(cones, **kept, persons=cones.owners[~out])
