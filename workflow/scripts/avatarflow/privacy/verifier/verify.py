"""Verify candidates: an independent matcher compares each with the originals it comes near to.

No torch here: faiss finds the near ones. Candidates are streamed; the originals' templates last used are kept.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from avatarflow.core.arrays import Integers, Pictures, Rows
from avatarflow.core.errors import refuse
from avatarflow.core.parquet import parquet_writer
from avatarflow.core.paths import write_json
from avatarflow.imaging.shards import Column, iterate, read_table, unreadable
from avatarflow.imaging.spool import Chosen, Stored, folder_of, spooled
from avatarflow.privacy.canaries.gallery import append_canaries
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.cones.decide import MATCHED, UNSEEN, Judge
from avatarflow.privacy.fingerprints.files import RowFile, encoder_digest
from avatarflow.privacy.search.neighbours import check_unit, nearest
from avatarflow.privacy.verifier import Matcher, matcher
from avatarflow.runs.context import Step

from .agreement import agreement, counted
from .keypoint_votes import indexed

KEPT = 512  # templates of originals held at a time
AT_ONCE = 256  # candidates verified at a time; a row group of the outcome
SCHEMA = pa.schema(
    [
        pa.field("candidate", pa.string(), nullable=False),
        pa.field("similarity", pa.float64()),
        pa.field("threshold", pa.float64(), nullable=False),
        pa.field("matched", pa.bool_(), nullable=False),
        pa.field("original", pa.int64()),
        pa.field("refusal", pa.string(), nullable=False),
    ]
)


KINDS = (
    "candidates",
    "outside_cones",
    "matched_outside_cones",
    "without_template",
    "without_fingerprint",
    "refused",
)


@dataclass(frozen=True)
class Verification:
    """What the matcher says of each candidate of a block.

    Parameters
    ----------
    compared : (n,)
        Whether it was compared: it has a fingerprint.
    similarity : (n,)
        The largest with an original; NaN where there is nothing to compare.
    original : (n,)
        That original, 0-based in the gallery.
    rejected : (n,)
        Whether the cones reject it, or it has no fingerprint.
    """

    compared: npt.NDArray[np.bool_]
    similarity: npt.NDArray[np.float64]
    original: Integers
    rejected: npt.NDArray[np.bool_]


class Verifier:
    """The matcher with the originals it compares candidates with.

    Parameters
    ----------
    cones : Cones
        Calibrated; their fingerprints find the originals to compare with.
    originals : (m, h, w, 3) uint8
        Pictures, in the cones' order.
    match : Matcher
    nearest : int
        Originals compared with a candidate beside the one that the cone matches.
    enough : float
        A similarity above which no further original is asked about, where all are.
    """

    def __init__(
        self,
        cones: Cones,
        originals: Stored,
        match: Matcher,
        nearest: int,
        enough: float = float("inf"),
    ) -> None:
        self.judge, self.match, self.nearest, self.enough = Judge(cones), match, nearest, enough
        self.fingerprints = cones.fingerprints
        self.template = lru_cache(KEPT)(lambda row: match.template(originals[row]))
        self.index = indexed(match, originals, folder_of(originals)) if match.asks_all else None

    def verify(self, pictures: Stored, fingerprints: Rows) -> Verification:
        """Compare a block of candidates with the originals near to each; skip those without a fingerprint."""
        n = len(pictures)
        compared = check_unit("candidates", fingerprints, may_be_missing=True)
        similarity, original, rejected = np.full(n, np.nan), np.zeros(n, np.int64), np.ones(n, bool)
        rows = np.flatnonzero(compared)
        if len(rows):
            risks = self.judge.risks(fingerprints[rows])
            rejected[rows] = risks.risk <= 1
            shown = (pictures[row] for row in rows.tolist())
            if self.index:
                variants = [*map(self.match.of_candidate, shown)]
                similarity[rows], original[rows] = self.index.most_alike(variants, self.enough)
            else:
                near = self._near(fingerprints[rows], risks.original)
                found = [*map(self._most_alike, shown, near)]
                similarity[rows], original[rows] = zip(*found, strict=True)
        return Verification(compared, similarity, original, rejected)

    def _near(self, fingerprints: Rows, matched: Integers) -> list[list[int]]:
        """Return the originals to compare each with, the matched one first."""
        near = nearest(fingerprints, self.fingerprints, self.nearest)[1]
        return [[int(first), *others] for first, others in zip(matched, near.tolist(), strict=True)]

    def _most_alike(self, picture: Pictures, near: list[int]) -> tuple[float, int]:
        template = self.match.template(picture)
        best, which = float("nan"), 0
        for row in dict.fromkeys(near) if template is not None else ():
            if (original := self.template(row)) is not None:
                alike = self.match.similarity(original, template)
                if not alike <= best:
                    best, which = alike, row
        return best, which


def verify_candidates(
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    seed: int,
    verifications: str,
    figures: str,
    step: Step,
) -> None:
    """Verify every candidate of a stage; write the outcome, and how far it agrees with the cones.

    Parameters
    ----------
    inputs : mapping
        `candidates` and `pool` (shards), `fingerprints` (of the candidates), `encoder`, `cones`, `calibrated` (what
        was measured of them), `trial` (what `trial.try_verifier` wrote), and `canaries` (shards) where the cones have
        some.
    settings : mapping
        `verifier` of the config.
    verifications, figures : str
        Files to write: Parquet (`SCHEMA`, rows as the candidates) and JSON.
    """
    trial = json.loads(Path(inputs["trial"]).read_bytes())
    calibrated = json.loads(Path(inputs["calibrated"]).read_bytes())
    made_by, table = encoder_digest(inputs["encoder"]), read_table(inputs["pool"])
    cones, pictures = Cones.read(inputs["cones"]), spooled(inputs["pool"])
    gallery, canaries = (table["role"] != "heldout").to_numpy(), inputs.get("canaries", "")
    places = append_canaries(pictures, np.flatnonzero(gallery), canaries)
    known = table["row"].to_numpy()[gallery]
    if canaries:
        known = np.concatenate([known, read_table(canaries)["row"]])
    if made_by != cones.encoder or known.tolist() != cones.rows.tolist():
        raise refuse(
            "verifier", "cones of other originals or another encoder", "calibrate the cones again"
        )
    match = matcher(trial["matcher"])
    verifier = Verifier(
        cones, Chosen(pictures, places), match, settings["nearest"], trial["threshold"]
    )
    counts, tally = np.zeros((2, 2), np.int64), Counter(dict.fromkeys(KINDS, 0))
    total = len(Column(inputs["candidates"], "candidate"))
    with _writer(verifications) as write:
        for ids, block, rows in _candidates(inputs, made_by):
            verification = verifier.verify(block, rows)
            columns = _columns(verification, cones, trial["threshold"], settings["refuse_unseen"])
            write({"candidate": ids, **columns})
            known = np.isfinite(verification.similarity)
            counts += counted(verification.rejected[known], columns["matched"][known])
            tally.update(_tallied(verification, columns))
            step.progress(tally["candidates"], total, "candidates")
    summary = {
        **{name: trial[name] for name in ("matcher", "threshold")},
        "asks_all": match.asks_all,
        "originals_asked": len(cones.rows) if match.asks_all else settings["nearest"] + 1,
        **tally,
        **agreement(counts, seed),
        "held_out_matched": calibrated.get("verifier", {}).get("held_out_matched"),
        "trial": trial,
    }
    write_json(figures, summary)
    step.metric("refused_by_verifier", tally["refused"])


def _tallied(verification: Verification, columns: Mapping[str, Any]) -> dict[str, int]:
    """Return how many candidates of a block there are of each of `KINDS`."""
    outside, known = ~verification.rejected, np.isfinite(verification.similarity)
    rows = (
        np.ones(len(known), bool),
        outside,
        columns["matched"] & outside,
        verification.compared & ~known,
        ~verification.compared,
        (columns["refusal"] != "") & outside,
    )
    return {name: int(here.sum()) for name, here in zip(KINDS, rows, strict=True)}


def _candidates(
    inputs: Mapping[str, str], made_by: str
) -> Iterator[tuple[list[str], Pictures, Rows]]:
    """Names, pictures and fingerprints, block by block; a picture that could not be read has no fingerprint."""
    names, lost = Column(inputs["candidates"], "candidate"), unreadable(inputs["candidates"])
    rows = RowFile(inputs["fingerprints"], made_by)
    if len(names) != len(rows):
        message = f"{len(rows)} fingerprints of {len(names)} pictures"
        raise refuse("verifier", message, "delete the fingerprints and run again")
    start = 0
    for block in iterate(inputs["candidates"], AT_ONCE):
        here = slice(start, start + len(block))
        fingerprints = np.array(rows[here])
        fingerprints[lost(here)] = np.nan
        yield [str(name) for name in names[here]], block, fingerprints
        start += len(block)


def _columns(
    verification: Verification, cones: Cones, limit: float, refuse_unseen: bool
) -> dict[str, Any]:
    matched = verification.similarity > limit  # False where there is none
    known = np.isfinite(verification.similarity)
    unseen = verification.compared & ~known & refuse_unseen
    return {
        "similarity": pa.array(verification.similarity, mask=~known),
        "threshold": np.full(len(matched), limit),
        "matched": matched,
        "original": pa.array(cones.rows[verification.original], mask=~known),
        "refusal": np.select([matched, unseen], [MATCHED, UNSEEN], "").astype(object),
    }


@contextmanager
def _writer(path: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    with parquet_writer(path, SCHEMA) as file:
        yield lambda columns: file.write_table(pa.table(columns, SCHEMA))
