"""Decisions: the exact risk of every candidate, block by block, in flat memory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from avatarflow.core.arrays import Floats, Integers, Mask, Rows
from avatarflow.core.errors import refuse
from avatarflow.core.parquet import parquet_writer
from avatarflow.core.statistics import Estimate, share_of_persons, share_of_pictures
from avatarflow.privacy.fingerprints.files import RowFile, StoredRows
from avatarflow.privacy.search import neighbours
from avatarflow.privacy.search.neighbours import Gallery, blocks

from .adaptive import AdaptiveCones
from .cone import Cones
from .fixed import FixedCones, Risks
from .shape import PICTURE

OUTSIDE = "outside every cone"
INSIDE = "inside the cone of an original"
UNREADABLE = "not readable"
UNJUDGED = "not judged: no fingerprint"
MATCHED = "outside every cone, but the verifier matches an original"
UNSEEN = "outside every cone, but the verifier has nothing to compare"
REASONS = (OUTSIDE, INSIDE, UNREADABLE, UNJUDGED, MATCHED, UNSEEN)

BLOCK = 1024
NEIGHBOURS = 32  # searched first; the proof decides whether they were enough

SCHEMA = pa.schema(
    [
        pa.field("candidate", pa.string(), nullable=False),
        pa.field("risk", pa.float64()),
        pa.field("accepted", pa.bool_(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("matched_original", pa.int64()),
        pa.field("angle_rad", pa.float64()),
        pa.field("threshold_rad", pa.float64()),
    ]
)


class Slices(Protocol):
    """Texts that are asked for by consecutive slices: a list, or a column that is read as it is needed."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Sequence[Any]: ...


@dataclass(frozen=True)
class Summary:
    """How many candidates were judged, accepted, and not judged for want of a fingerprint."""

    candidates: int
    judged: int
    accepted: int
    full_passes: int


def all_readable(rows: slice) -> Mask:
    """Return that no picture of these rows could not be read."""
    return np.zeros(rows.stop - rows.start, bool)


@dataclass(frozen=True)
class Candidates:
    """What is known of the pictures in question, n rows each.

    Parameters
    ----------
    fingerprints : (n, d) float32
        An array or their file; a row with non-finite values is a picture without one: refused, never dropped.
    ids : n names
        Written as `candidate`.
    encoder : str, optional
        Digest of what made the fingerprints; another one than the cones' is refused.
    unreadable : function, optional
        Of consecutive rows, which of their pictures could not be read; see `shards.unreadable`.
    refusals : n texts, optional
        Why somebody else than the cones refuses a picture, "" for the others; cones that were calibrated together
        with a verifier do not judge without them.
    wrong : n texts, optional
        What is wrong with the anatomy of a picture, "" for the others; it takes back what all else accept.
    """

    fingerprints: Rows | RowFile
    ids: Slices
    encoder: str | None = None
    unreadable: Callable[[slice], Mask] = all_readable
    refusals: Slices | None = None
    wrong: Slices | None = None


class Judge:
    """Calibrated cones made ready for exact search.

    Raises
    ------
    AvatarflowError
        If the cones are not calibrated, a cone has no width, or their fingerprints are none.
    """

    def __init__(self, cones: Cones, k: int = NEIGHBOURS) -> None:
        if not np.isfinite(cones.c):
            raise refuse("cones", "they are not calibrated", "calibrate them first")
        self.gallery = Gallery(cones.fingerprints, "originals")
        half_angles = cones.half_angles_rad
        if not (half_angles > 0).all():
            found = f"{int((~(half_angles > 0)).sum())} cones without a width"
            raise refuse("cones", found, "raise cone.narrowest_deg and calibrate again")
        self.cones: AdaptiveCones | FixedCones
        if cones.shape.density == PICTURE:
            self.cones = AdaptiveCones(cones, self.gallery, k)
        else:
            self.cones = FixedCones(
                self.gallery, half_angles, float(np.median(cones.sparsity_rad)), k
            )

    def risks(self, candidates: Rows) -> Risks:
        """Return the exact risk of a block of candidates.

        Parameters
        ----------
        candidates : (n, d)
            Unit rows, all finite.
        """
        return self.cones.risks(neighbours.unit(candidates))


def risks(candidates: StoredRows, cones: Cones, block: int = BLOCK, k: int = NEIGHBOURS) -> Floats:
    """(n,) risks of candidates, all of which have a fingerprint; a picture is risky where its risk is <= 1."""
    judge_, out = Judge(cones, k), np.empty(len(candidates))
    for rows in blocks(len(candidates), block):
        some = candidates[rows]
        judge_.gallery.check_queries("candidates", some, first=rows.start)
        out[rows] = judge_.risks(some).risk
    return out


def judge(
    candidates: Candidates,
    cones: Cones,
    decisions: str | Path,
    block: int = BLOCK,
    stage: str | None = None,
) -> Summary:
    """Decide for each candidate picture whether it may be published; decisions are written block by block.

    Parameters
    ----------
    candidates : Candidates
    cones : Cones
        Calibrated.
    decisions : path
        The Parquet file; appears when it is whole. Columns: `SCHEMA`, and `stage` where one is given.
    block : int
        Candidates held at a time; changes nothing but memory.

    Returns
    -------
    Summary

    Raises
    ------
    AvatarflowError
        If fingerprints are not of unit length, of another dimension or of another encoder; if the cones were
        calibrated together with a verifier and there are no refusals.
    ValueError
        If ids and candidates differ in number.
    """
    _check(candidates, cones)
    judge_ = Judge(cones)
    n, judged, accepted, full_passes = len(candidates.fingerprints), 0, 0, 0
    tasks = (
        (candidates.fingerprints, judge_, cones.rows, rows, candidates.unreadable(rows))
        for rows in blocks(n, block)
    )
    with _writer(decisions, stage) as write:
        each = neighbours.in_order(_decisions, tasks, neighbours.searchers())
        for rows, (columns, passes) in zip(blocks(n, block), each, strict=True):
            for against in (candidates.refusals, candidates.wrong):
                if against is not None:
                    _refuse(columns, against[rows])
            write({"candidate": [str(name) for name in candidates.ids[rows]], **columns})
            judged += int(np.isfinite(columns["risk"]).sum())
            accepted += int(columns["accepted"].sum())
            full_passes += passes
    return Summary(n, judged, accepted, full_passes)


def _check(candidates: Candidates, cones: Cones) -> None:
    """Refuse what does not belong together."""
    n, ids, refusals = len(candidates.fingerprints), candidates.ids, candidates.refusals
    if any(len(texts) != n for texts in (ids, refusals, candidates.wrong) if texts is not None):
        raise ValueError(f"judge: {len(ids)} ids but {n} candidates; pass one id per candidate")
    if candidates.encoder is not None and candidates.encoder != cones.encoder:
        found = (
            f"made by encoder {candidates.encoder} where the cones were made by "
            f"{cones.encoder or 'an unnamed one'}"
        )
        raise refuse("candidates", found, "embed both with one encoder")
    if cones.with_verifier and refusals is None:
        found = "they were calibrated together with a verifier that says nothing of the candidates"
        raise refuse("cones", found, "give what the verifier says, or calibrate them without one")


def _decisions(
    source: Rows | RowFile, judge_: Judge, manifest_rows: Integers, rows: slice, lost: Mask
) -> tuple[dict[str, Any], int]:
    """Return the columns of one block, and how many full passes it took."""
    candidates = np.asarray(source[rows])
    n = len(candidates)
    name = f"candidates from row {rows.start}"
    there = judge_.gallery.check_queries(name, candidates, may_be_missing=True) & ~lost
    found = judge_.risks(candidates if there.all() else candidates[there]) if there.any() else None
    risk, angle, threshold = (np.full(n, np.nan) for _ in range(3))
    original = np.zeros(n, np.int64)
    if found is not None:
        risk[there], angle[there], threshold[there] = (
            found.risk,
            found.angle_rad,
            found.threshold_rad,
        )
        original[there] = manifest_rows[found.original]
    accepted = there & (risk > 1)
    reason = np.select([lost, ~there, accepted], [UNREADABLE, UNJUDGED, OUTSIDE], INSIDE)
    columns = {
        "risk": risk,
        "accepted": accepted,
        "reason": reason.astype(object),
        "matched_original": pa.array(original, mask=~there),
        "angle_rad": angle,
        "threshold_rad": threshold,
    }
    return columns, found.full_passes if found else 0


def _refuse(columns: dict[str, Any], refusals: Sequence[str]) -> None:
    """Take back what the cones accept and somebody else does not."""
    against = columns["accepted"] & np.array([text != "" for text in refusals], bool)
    columns["accepted"] = columns["accepted"] & ~against
    columns["reason"] = np.where(against, np.array(refusals, object), columns["reason"])


@contextmanager
def _writer(path: str | Path, stage: str | None) -> Iterator[Any]:
    schema = (
        SCHEMA if stage is None else SCHEMA.append(pa.field("stage", pa.string(), nullable=False))
    )
    with parquet_writer(path, schema) as file:

        def write(columns: dict[str, Any]) -> None:
            if stage is not None:
                columns["stage"] = [stage] * len(columns["candidate"])
            file.write_table(pa.table(columns, schema))

        yield write


def miss_rate(cones: Cones, perturbed: Rows, persons: Integers) -> Estimate:
    """Share of persons of whom some altered original is accepted, with the exact interval over persons."""
    return share_of_persons(risks(perturbed, cones) > 1, persons)


def specificity(cones: Cones, held_out: Rows, persons: Integers, seed: int) -> Estimate:
    """Share of real pictures of persons never trained on that are accepted, with an interval over persons."""
    return share_of_pictures(risks(held_out, cones) > 1, persons, seed)
