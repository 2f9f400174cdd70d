"""The Cone of Privacy: geometry and calibration.

The source describes the method in words only; the formulas are ours. With e_i the unit fingerprint of original i:

    R_i        = the largest angle between x_i and its own perturbed pictures        (own radius)
    rho_i      = the mean angle to its k nearest originals of other persons outside R_i; of two that lie inside each
                 other's own radius the nearer one                                          (local sparsity)
    Theta_i(c) = clip(c R_i^beta rho_i^(1 - beta), max(R_i, Theta_min), Theta_max)          (half-angle)
    s(g)       = min over all i of theta(g, x_i) / Theta_i(c)                     (risk; risky where s <= 1)

With density "picture" the sparsity is that around the picture in question, see `adaptive_cones`; Theta_i is then the
half-angle for a picture that lies where the original does.

c is calibrated on altered originals of persons who tuned nothing else, per person and with the clipping in force.
"""

import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from avatarflow.core.arrays import Floats, Integers, Mask, Rows
from avatarflow.core.errors import Problems, refuse
from avatarflow.core.paths import replacing
from avatarflow.privacy.fingerprints.files import RowFile, StoredRows
from avatarflow.privacy.search import neighbours
from avatarflow.privacy.search.exact_angles import exact_angles
from avatarflow.privacy.search.neighbours import Gallery, blocks

from .adaptive import AdaptiveCones
from .coverage import Coverage, conformal_coverage, reject_all_coverage
from .own_radius import Inside, density_of_each, inside_own_radius
from .shape import PICTURE, SAME, Shape

SEARCHED = 32  # originals looked at first where the density is the picture's

PAIRS = 1_000_000  # angles held at a time
WHERE = "cone calibration"


@dataclass(frozen=True)
class Cones:
    """All originals' cones: what a decision needs.

    Parameters
    ----------
    fingerprints : (m, d) float32
        Unit rows.
    rows : (m,) int64
        1-based manifest rows of the originals.
    radii_rad, sparsity_rad : (m,) float64
        R and rho.
    shape : Shape
    c : float
        The calibrated scale; NaN before calibration.
    encoder : str
        Digest of the encoder that made the fingerprints.
    persons : (m,) int64, optional
        Run-local person numbers; only cones with density `"picture"` need them.
    with_verifier : bool
        Whether they were calibrated together with a verifier: they may not decide without it.
    """

    fingerprints: Rows
    rows: Integers
    radii_rad: Floats
    sparsity_rad: Floats
    shape: Shape
    c: float
    encoder: str
    persons: Integers | None = None
    with_verifier: bool = False

    @property
    def base_rad(self) -> Floats:
        """(m,) half-angles at c = 1 without clipping, for a picture that lies where the original does."""
        beta = self.shape.beta
        return np.asarray(self.radii_rad**beta * self.sparsity_rad ** (1 - beta))

    @property
    def half_angles_rad(self) -> Floats:
        """(m,) Theta_i(c)."""
        return self.shape.clipped(self.c * self.base_rad, self.floor_rad)

    @property
    def floor_rad(self) -> Floats:
        """(m,) what no half-angle falls below, whatever the density."""
        return self.shape.floor(self.radii_rad)

    @property
    def weights(self) -> Floats:
        """(m,) R^beta, above 0: what angles are divided by where the density is the picture's."""
        return np.asarray(np.maximum(self.radii_rad, SAME) ** self.shape.beta)

    @cached_property
    def inside(self) -> Inside:
        """Originals of others inside the own radius of each; looked for once, as every pair is compared."""
        return inside_own_radius(self.fingerprints, self.owners, self.radii_rad)

    @property
    def owners(self) -> Integers:
        """(m,) whose the originals are.

        Raises
        ------
        AvatarflowError
            If the cones do not know it.
        """
        if self.persons is None:
            found = "persons are missing, which the density around a picture needs"
            raise refuse("cones", found, "calibrate them again")
        return self.persons

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, the scalars as JSON in its header."""
        arrays = {
            "fingerprints": self.fingerprints,
            "rows": self.rows,
            "radii_rad": self.radii_rad,
            "sparsity_rad": self.sparsity_rad,
        }
        if self.persons is not None:
            arrays["persons"] = self.persons
        named = ("c", "encoder", "with_verifier")
        scalars = json.dumps(
            {"shape": asdict(self.shape), **{name: getattr(self, name) for name in named}},
            sort_keys=True,
        )
        with replacing(path) as temporary:
            save_file(
                {name: np.ascontiguousarray(array) for name, array in arrays.items()},
                temporary,
                {"cones": scalars},
            )

    @classmethod
    def read(cls, path: str | Path) -> "Cones":
        """Read what `save` wrote."""
        with safe_open(str(path), "np") as file:
            scalars = json.loads(file.metadata()["cones"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        return cls(**arrays, **{**scalars, "shape": Shape(**scalars["shape"])})


@dataclass(frozen=True)
class Calibration:
    """How c came about: the needed scale of each person, c, and what follows for a further person."""

    persons: Integers
    needed: Floats
    coverage: Coverage
    c: float


def own_radii(
    originals: Rows,
    altered: Rows | RowFile,
    counted: Mask | None = None,
) -> Floats:
    """R: the largest angle between each original and its perturbed pictures.

    Parameters
    ----------
    originals : (m, d)
    altered : (m, a, d)
        Fingerprints of a perturbed pictures each, an array or their file.
    counted : (a,), optional
        Which of the perturbations count; all without it.

    Returns
    -------
    (m,) float64, radians
    """
    if (
        altered.ndim != 3
        or (len(altered), altered.shape[2]) != originals.shape
        or altered.shape[1] == 0
    ):
        raise refuse(
            "own radii",
            f"altered fingerprints of shape {altered.shape}",
            "give (originals, perturbations, dimensions)",
        )
    neighbours.check_unit("originals", originals)
    radii = np.empty(len(originals))
    for rows in blocks(len(originals), max(1, neighbours.BLOCK // altered.shape[1])):
        perturbed = np.asarray(altered[rows])
        neighbours.check_unit("altered originals", perturbed.reshape(-1, perturbed.shape[2]))
        # (block, 1, d) with (block, a, d) -> (block, a)
        angles = neighbours.pair_angles(originals[rows][:, None], perturbed)
        radii[rows] = angles.max(1) if counted is None else angles[:, counted].max(1)
    return radii


def local_sparsity(
    originals: Rows, persons: Integers, k: int, inside: Inside | None = None
) -> Floats:
    """rho: the mean angle to the k nearest originals of other persons (fewer where there are fewer).

    Parameters
    ----------
    originals : (m, d) float32
        Unit rows.
    persons : (m,)
    inside : Inside, optional
        Originals inside the own radii do not count, and of two inside each other's the farther one does not; without it
        all count.

    Returns
    -------
    (m,) float64, radians; pi where none counts.

    Raises
    ------
    AvatarflowError
        If all originals are of one person.
    """
    if len(np.unique(persons)) < 2:
        raise refuse(
            WHERE, "originals of one person only", "give originals of at least two persons"
        )
    gallery = Gallery(originals)
    inside = inside or Inside.none(len(originals))
    passed, again = inside.reach(persons, k)
    wanted = min(k + int(passed.max()) + again, len(originals))
    sparsity = np.empty(len(originals))
    # exact angles take (block, wanted, d) at a time
    for rows in blocks(len(originals), max(1, min(neighbours.BLOCK, PAIRS // wanted))):
        _, found = gallery.top(gallery.rows[rows], min(wanted + neighbours.SPARE, len(originals)))
        angles = exact_angles(gallery.rows[rows], gallery.rows, found)
        order = np.lexsort((found, angles), axis=1)
        sparsity[rows] = density_of_each(
            np.arange(rows.start, rows.stop),
            np.take_along_axis(angles, order, 1),
            np.take_along_axis(found, order, 1),
            inside.counting(persons, k),
        )
    return sparsity


def uncalibrated(
    originals: Rows,
    persons: Integers,
    rows: Integers,
    altered: Rows | RowFile,
    shape: Shape,
    encoder: str = "",
    counted: Mask | None = None,
) -> Cones:
    """Cones with R and rho, c not yet known.

    Parameters
    ----------
    originals : (m, d)
        Unit fingerprints of every original in the gallery.
    persons, rows : (m,)
        Run-local person numbers and 1-based manifest rows.
    altered : (m, a, d)
        Fingerprints of their perturbed pictures, for R; never those used to calibrate.
    counted : (a,), optional
        Which of them count; all without it.

    Raises
    ------
    AvatarflowError
        All at once: originals without a person; fingerprints that are missing, equal between persons, or that no
        perturbation moves.
    """
    if not len(originals) == len(persons) == len(rows):
        found = f"{len(persons)} persons and {len(rows)} rows for {len(originals)} originals"
        raise refuse(WHERE, found, "give one of each per original")
    with Problems() as problems:
        for row in rows[persons < 0]:
            where = f"original in manifest row {row}"
            problems.add(where, "no person", "name its person or take it out")
        for row in rows[~np.isfinite(originals).all(1)]:
            where = f"original in manifest row {row}"
            problems.add(where, "no fingerprint, so no cone", "take the picture out")
    with Problems() as problems:
        _refuse_equal(originals, persons, rows, problems)
        radii = own_radii(originals, altered, counted=counted)
        for row in rows[radii <= SAME] if shape.beta > 0 else []:
            found = "no perturbation moves its fingerprint, so it has no own radius"
            do = "take the picture out or configure more families"
            problems.add(f"original in manifest row {row}", found, do)
    fingerprints = neighbours.unit(originals)
    inside = inside_own_radius(fingerprints, persons, radii)
    sparsity = local_sparsity(fingerprints, persons, shape.k, inside)
    return Cones(
        fingerprints,
        rows.astype(np.int64),
        radii,
        sparsity,
        shape,
        float("nan"),
        encoder,
        persons.astype(np.int64),
    )


def _refuse_equal(originals: Rows, persons: Integers, rows: Integers, problems: Problems) -> None:
    angles, index = neighbours.nearest(originals, originals, 8)
    for i, j in zip(
        *np.nonzero((angles <= SAME) & (persons[index] != persons[:, None])), strict=True
    ):
        if i < index[i, j]:
            where = f"originals in manifest rows {rows[i]} and {rows[index[i, j]]}"
            problems.add(
                where,
                "equal fingerprints but different persons",
                "name one person or take one picture out",
            )


def needed_scales(
    cones: Cones, perturbed: StoredRows, block: int = 1024, wanted: Mask | None = None
) -> Floats:
    """For each altered picture the smallest c at which some clipped cone rejects it.

    A cone at angle theta needs 0 where theta <= max(R, Theta_min), infinity where theta > Theta_max, else
    theta / (R^beta rho^(1 - beta)); the picture needs the least over all originals. rho is the original's or, by the
    shape's density, the picture's.

    Parameters
    ----------
    perturbed : (q, d)
        Unit fingerprints, an array or their file.
    wanted : (q,), optional
        Of which to say it; of all without it.

    Returns
    -------
    (q,) float64, or as many as are wanted
    """
    gallery = Gallery(cones.fingerprints, "originals")
    ready = AdaptiveCones(cones, gallery, SEARCHED) if cones.shape.density == PICTURE else None
    parts = [np.empty(0)]
    for rows in blocks(len(perturbed), block):
        some = perturbed[rows]
        gallery.check_queries("altered originals", some, first=rows.start)
        some = neighbours.unit(some if wanted is None else some[wanted[rows]])
        if len(some):
            parts.append(
                ready.needed_scales(some) if ready else _least_needed(cones, gallery, some)
            )
    return np.concatenate(parts)


def _least_needed(cones: Cones, gallery: Gallery, perturbed: Rows) -> Floats:
    """One block of `needed_scales`: bounds from single precision, then exact values where the bounds leave room."""
    bound = _scales(
        cones, neighbours.least_angles(perturbed @ gallery.rows.T, gallery.dimensions), slice(None)
    )
    start = bound.argmin(1)
    best = _scales(cones, neighbours.pair_angles(perturbed, gallery.rows[start]), start)
    query, original = np.nonzero((bound <= best[:, None]) & np.isfinite(bound))
    exact = _scales(
        cones, neighbours.pair_angles(perturbed[query], gallery.rows[original]), original
    )
    np.minimum.at(best, query, exact)
    return best


def _scales(cones: Cones, angles: Floats, originals: Any) -> Floats:
    scales = angles / cones.base_rad[originals]
    return cones.shape.needed(angles, scales, cones.floor_rad[originals])


def person_maxima(values: Floats, persons: Integers) -> tuple[Integers, Floats]:
    """Return the persons in order and the largest value of each (M_p of the needed scales)."""
    names, inverse = np.unique(persons, return_inverse=True)
    largest = np.full(len(names), -np.inf)
    np.maximum.at(largest, inverse, values)
    return names.astype(np.int64), largest


def calibrate(
    cones: Cones,
    perturbed: Rows,
    persons: Integers,
    mode: str,
    alpha: float = 0.05,
    fewest_persons: int = 20,
) -> tuple[Cones, Calibration]:
    """Choose c from altered originals of the calibration persons, as `choose_scale`.

    Parameters
    ----------
    cones : Cones
        From `uncalibrated`; the calibration persons' originals are among them.
    perturbed : (q, d)
        Fingerprints of the calibration persons' altered originals, not used for R.
    """
    needed = needed_scales(cones, perturbed)
    return choose_scale(cones, needed, persons, mode, alpha, fewest_persons)


def choose_scale(
    cones: Cones,
    needed: Floats,
    persons: Integers,
    mode: str,
    alpha: float,
    fewest_persons: int,
) -> tuple[Cones, Calibration]:
    """Choose c from the scales that altered originals of the calibration persons need.

    Parameters
    ----------
    cones : Cones
        From `uncalibrated`.
    needed : (q,)
        From `needed_scales`, 0 for altered originals that something else rejects.
    persons : (q,)
        Whose they are.
    mode : str
        `"reject-all"` (every perturbation is rejected) or `"conformal"` (at most a share alpha of persons is missed).

    Raises
    ------
    AvatarflowError
        If persons are too few, or some perturbation is rejected at no c.
    """
    names, needed = person_maxima(needed, persons)
    if len(names) < fewest_persons:
        found = (
            f"{len(names)} calibration persons where cone.fewest_persons asks for {fewest_persons}"
        )
        raise refuse(WHERE, found, "give more persons or another split")
    coverage = (
        reject_all_coverage(len(names))
        if mode == "reject-all"
        else conformal_coverage(len(names), alpha)
    )
    c = float(np.sort(needed)[coverage.rank - 1])
    if not np.isfinite(c):
        outside = int(np.isinf(needed).sum())
        found = f"altered originals of {outside} of {len(names)} persons lie outside every cone at its widest"
        raise refuse(
            WHERE,
            found,
            "raise cone.widest_deg, weaken the perturbations, or train the encoder longer",
        )
    return replace(cones, c=c), Calibration(names, needed, coverage, c)
