"""How well fingerprints recognise: rank-1 retrieval of altered originals, verification on pairs of the same eye."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from avatarflow.core.arrays import Integers, Rows
from avatarflow.core.statistics import bootstrap, share_of_pictures
from avatarflow.privacy.search.neighbours import nearest, pair_angles

from .pair_errors import auc, eer

SAME_FILE = 1e-6  # radians under which a pair is one file twice and proves nothing
RESAMPLES = 500


@dataclass(frozen=True)
class Verification:
    """Telling pairs of one eye from pairs of two persons by their angle; intervals over the persons with such pairs."""

    auc: float
    auc_low: float
    auc_high: float
    eer: float
    eer_low: float
    eer_high: float
    pairs: int
    persons: int

    def summary(self) -> dict[str, Any]:
        """As plain values for JSON and run records."""
        return asdict(self)


def rank_one(
    gallery: Rows,
    identities: Integers,
    altered: npt.NDArray[np.float32],
    queried: Integers,
    persons: Integers,
    families: Sequence[str],
    seed: int,
) -> pd.DataFrame:
    """Share of altered originals whose nearest original shows the same eye, per family and over all.

    Parameters
    ----------
    gallery : (m, d)
        All originals.
    identities : (m,)
        Equal for originals that show the same eye.
    altered : (q, a, d)
        Perturbed pictures, family by family, of the originals `queried` (rows of the gallery).
    queried : (q,)
    persons : (m,)
        Intervals are over persons.

    Returns
    -------
    DataFrame
        `family`, `rank1`, `low`, `high`, `n`, `persons`; the last row is `all`.
    """
    q, count, d = altered.shape
    _, index = nearest(altered.reshape(-1, d), gallery, 1)
    right = (identities[index[:, 0]] == np.repeat(identities[queried], count)).reshape(
        q, len(families), -1
    )
    rows = []
    for place, name in enumerate([*families, "all"]):
        hits = right.reshape(q, -1) if name == "all" else right[:, place]
        share = share_of_pictures(hits.ravel(), np.repeat(persons[queried], hits.shape[1]), seed)
        rows.append((name, share.value, share.low, share.high, share.n, share.persons))
    return pd.DataFrame(rows, columns=["family", "rank1", "low", "high", "n", "persons"])


def verification(
    fingerprints: Rows,
    eyes: Integers,
    persons: Integers,
    seed: int,
    fields: Integers | None = None,
    same_field: bool = True,
) -> Verification | None:
    """AUC and equal error rate of same-eye pairs against pairs of two persons; None without such pairs.

    Pairs of one person's two eyes count as neither; pairs of equal fingerprints (one file twice) are left out.
    All pairs are held at once: n is some thousands at most.

    Parameters
    ----------
    fingerprints : (n, d)
    eyes : (n,)
        -1 where not known.
    persons : (n,)
    fields : (n,), optional
        Which field each picture shows, -1 where not known: only same-eye pairs of one field count then, or with
        `same_field` False those of two.
    """
    first, second = np.triu_indices(len(fingerprints), 1)
    genuine = (eyes[first] == eyes[second]) & (eyes[first] >= 0)
    if fields is not None:
        known = (fields[first] >= 0) & (fields[second] >= 0)
        genuine &= known & ((fields[first] == fields[second]) == same_field)
    same = pair_angles(fingerprints[first[genuine]], fingerprints[second[genuine]])
    whose = persons[first[genuine]]
    whose, same = whose[same > SAME_FILE], same[same > SAME_FILE]
    apart = persons[first] != persons[second]
    cosines = (fingerprints @ fingerprints.T)[first[apart], second[apart]]
    impostors = np.sort(np.arccos(np.clip(cosines.astype(float), -1, 1)))
    if not len(same) or not len(impostors):
        return None
    groups = [same[whose == person] for person in np.unique(whose)]

    def resampled(figure: Any) -> tuple[float, float]:
        return bootstrap(
            lambda rows: figure(np.concatenate([groups[row] for row in rows]), impostors),
            len(groups),
            seed,
            RESAMPLES,
        )

    return Verification(
        auc(same, impostors),
        *resampled(auc),
        eer(same, impostors),
        *resampled(eer),
        len(same),
        len(groups),
    )
