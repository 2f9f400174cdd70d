"""The second opinion on candidates: for each the originals it comes near to, and what the matcher says of them.

No torch here: faiss finds the near ones. Candidates are streamed; the originals' templates last used are kept.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from avatarflow.core.arrays import Integers, Pictures, Rows
from avatarflow.core.errors import refuse
from avatarflow.core.paths import replacing, write_json
from avatarflow.core.statistics import share_of_pictures
from avatarflow.imaging.shards import Column, has_column, iterate, read_pictures, read_table
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.cones.decide import MATCHED, UNSEEN, Judge
from avatarflow.privacy.fingerprints.files import RowFile, encoder_digest, load_rows
from avatarflow.privacy.search.neighbours import check_unit, nearest
from avatarflow.privacy.verifier import Matcher, matcher
from avatarflow.runs.context import Step

from .agreement import agreement, counted

KEPT = 512  # templates of originals held at a time
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


@dataclass(frozen=True)
class Answers:
    """What was said of each candidate of a block.

    Parameters
    ----------
    asked : (n,)
        Whether it was asked about: it has a fingerprint.
    similarity : (n,)
        The largest with an original; NaN where there is nothing to compare.
    original : (n,)
        That original, 0-based in the gallery.
    rejected : (n,)
        Whether the cones reject it, or it has no fingerprint.
    """

    asked: npt.NDArray[np.bool_]
    similarity: npt.NDArray[np.float64]
    original: Integers
    rejected: npt.NDArray[np.bool_]


class Witness:
    """The matcher with the originals it is asked about.

    Parameters
    ----------
    cones : Cones
        Calibrated; their fingerprints find the originals to ask about.
    originals : (m, h, w, 3) uint8
        Pictures, in the cones' order.
    match : Matcher
    nearest : int
        Originals asked about a candidate beside the one that the cone implicates.
    """

    def __init__(self, cones: Cones, originals: Pictures, match: Matcher, nearest: int) -> None:
        self.judge, self.match, self.nearest, self.fingerprints = Judge(cones), match, nearest, cones.fingerprints
        self.template = lru_cache(KEPT)(lambda row: match.template(originals[row]))

    def questions(self, fingerprints: Rows) -> tuple[Integers, npt.NDArray[np.bool_]]:
        """Originals to ask about (n, k), the matched one first, and whether the cone rejects the candidate (n,)."""
        risks = self.judge.risks(fingerprints)
        near = nearest(fingerprints, self.fingerprints, self.nearest)[1]
        return np.concatenate([risks.original[:, None], near], 1), risks.risk <= 1

    def answer(self, pictures: Pictures, fingerprints: Rows) -> Answers:
        """What the matcher says of a block of candidates; those without a fingerprint are not asked about."""
        n = len(pictures)
        asked = check_unit("candidates", fingerprints, may_be_missing=True)
        similarity, original, rejected = np.full(n, np.nan), np.zeros(n, np.int64), np.ones(n, bool)
        rows = np.flatnonzero(asked)
        if len(rows):
            about, rejected[rows] = self.questions(fingerprints[rows])
            for row, near in zip(rows.tolist(), about.tolist(), strict=True):
                if (kept := self.match.template(pictures[row])) is not None:
                    similarity[row], original[row] = self._most_alike(kept, near)
        return Answers(asked, similarity, original, rejected)

    def _most_alike(self, kept: Any, near: list[int]) -> tuple[float, int]:
        best, which = float("nan"), 0
        for row in dict.fromkeys(near):
            if (own := self.template(row)) is not None:
                alike = self.match.similarity(own, kept)
                if not alike <= best:
                    best, which = alike, row
        return best, which


def second_opinion(
    inputs: Mapping[str, str], settings: Mapping[str, Any], seed: int, opinions: str, figures: str, step: Step
) -> None:
    """Ask about every candidate of a stage; write what was said, and how far it agrees with the cones.

    Parameters
    ----------
    inputs : mapping
        `candidates` and `pool` (shards), `fingerprints` (of the candidates), `originals` (of the pool), `encoder`,
        `cones`, `trial` (what `trial.try_matcher` wrote), and `canaries` (shards) where the cones have some.
    settings : mapping
        `second_opinion` of the config.
    opinions, figures : str
        Files to write: Parquet (`SCHEMA`, rows as the candidates) and JSON.
    """
    trial = json.loads(Path(inputs["trial"]).read_text(encoding="utf-8"))
    made_by, table = encoder_digest(inputs["encoder"]), read_table(inputs["pool"])
    cones, pictures = Cones.read(inputs["cones"]), read_pictures(inputs["pool"])
    gallery = np.flatnonzero((table["role"] != "heldout").to_numpy())
    originals, known = pictures[gallery], table["row"].to_numpy()[gallery]
    if canaries := inputs.get("canaries"):  # they have cones as the originals do
        originals = np.concatenate([originals, read_pictures(canaries)])
        known = np.concatenate([known, read_table(canaries)["row"]])
    if made_by != cones.encoder or known.tolist() != cones.rows.tolist():
        raise refuse("second opinion", "cones of other originals or another encoder", "calibrate the cones again")
    witness = Witness(cones, originals, matcher(trial["matcher"]), settings["nearest"])
    counts, tally = np.zeros((2, 2), np.int64), dict.fromkeys(("candidates", "without_template", "refused"), 0)
    total = len(Column(inputs["candidates"], "candidate"))
    with _writer(opinions) as write:
        for ids, block, rows in _candidates(inputs, made_by):
            said = witness.answer(block, rows)
            columns = _columns(said, cones, trial["threshold"], settings["refuse_unseen"])
            write({"candidate": ids, **columns})
            known = np.isfinite(said.similarity)
            counts += counted(said.rejected[known], columns["matched"][known])
            tally["candidates"] += len(ids)
            tally["without_template"] += int((said.asked & ~known).sum())
            tally["refused"] += int(((columns["refusal"] != "") & ~said.rejected).sum())
            step.progress(tally["candidates"], total, "candidates")
    held_out = np.flatnonzero((table["role"] == "heldout").to_numpy())
    real = witness.answer(pictures[held_out], np.asarray(load_rows(inputs["originals"], made_by))[held_out])
    found = {
        **{name: trial[name] for name in ("matcher", "threshold")},
        "originals_asked": settings["nearest"] + 1,
        **tally,
        **agreement(counts, seed),
        "held_out_matched": _share(real.similarity > trial["threshold"], table["person"].to_numpy()[held_out], seed),
        "trial": trial,
    }
    write_json(figures, found)
    step.metric("refused_by_second_opinion", tally["refused"])


def _candidates(inputs: Mapping[str, str], made_by: str) -> Iterator[tuple[list[str], Pictures, Rows]]:
    """Names, pictures and fingerprints, block by block; a picture that could not be read has no fingerprint."""
    names, rows = Column(inputs["candidates"], "candidate"), RowFile(inputs["fingerprints"], made_by)
    if len(names) != len(rows):
        found = f"{len(rows)} fingerprints of {len(names)} pictures"
        raise refuse("second opinion", found, "delete the fingerprints and run again")
    reasons = Column(inputs["candidates"], "reason") if has_column(inputs["candidates"], "reason") else None
    start = 0
    for block in iterate(inputs["candidates"]):
        here = slice(start, start + len(block))
        own = np.array(rows[here])
        if reasons is not None:
            own[np.array([reason != "" for reason in reasons[here]], bool)] = np.nan
        yield [str(name) for name in names[here]], block, own
        start += len(block)


def _columns(said: Answers, cones: Cones, limit: float, refuse_unseen: bool) -> dict[str, Any]:
    matched = said.similarity > limit  # False where there is none
    known = np.isfinite(said.similarity)
    unseen = said.asked & ~known & refuse_unseen
    return {
        "similarity": pa.array(said.similarity, mask=~known),
        "threshold": np.full(len(matched), limit),
        "matched": matched,
        "original": pa.array(cones.rows[said.original], mask=~known),
        "refusal": np.select([matched, unseen], [MATCHED, UNSEEN], "").astype(object),
    }


def _share(matched: npt.NDArray[np.bool_], persons: Integers, seed: int) -> dict[str, Any] | None:
    """Of real pictures of persons never trained on, asked about as candidates are, the share that is matched."""
    return share_of_pictures(matched, persons, seed).as_dict() if len(persons) else None


@contextmanager
def _writer(path: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    with replacing(path) as temporary, pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as file:
        yield lambda columns: file.write_table(pa.table(columns, SCHEMA))
