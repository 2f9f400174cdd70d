"""The step that judges candidates: decisions of a candidate set as files."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from avatarflow.core.errors import refuse
from avatarflow.core.paths import replacing
from avatarflow.imaging.shards import Column, has_column
from avatarflow.privacy.fingerprints.files import RowFile, encoder_digest
from avatarflow.privacy.search.neighbours import blocks
from avatarflow.runs.context import Step

from .cone import Cones
from .decide import BLOCK, judge


def judge_pictures(
    pictures: str,
    fingerprints: str,
    cones: str,
    encoder: str,
    stage: str,
    decisions: str,
    step: Step,
    verifier: str | None = None,
) -> None:
    """Judge one set of candidates.

    Parameters
    ----------
    pictures : str
        Shards with the column `candidate`, and `reason` where some could not be read.
    fingerprints : str
        (n, d), rows as the candidates.
    stage : str
        `teacher`, `student` or `foreign`; written as a column.
    verifier : str, optional
        What the verifier says, rows as the candidates: what it refuses the cones cannot accept.

    Raises
    ------
    AvatarflowError
        If the verifier was asked about other candidates.
    """
    made_by = encoder_digest(encoder)
    if verifier and not _equal(Column(verifier, "candidate"), Column(pictures, "candidate")):
        raise refuse("verifier", "it is of other candidates", "delete it and run again")
    summary = judge(
        RowFile(fingerprints, made_by),
        Column(pictures, "candidate"),
        Cones.read(cones),
        decisions,
        encoder=made_by,
        reasons=Column(pictures, "reason") if has_column(pictures, "reason") else None,
        stage=stage,
        refusals=Column(verifier, "refusal") if verifier else None,
    )
    step.metric("candidates", summary.candidates)
    step.metric("accepted", summary.accepted)
    step.metric("accepted_share", summary.accepted / max(1, summary.candidates))
    step.info(
        "accepted %d of %d candidates, %d not judged",
        summary.accepted,
        summary.candidates,
        summary.candidates - summary.judged,
    )


def _equal(one: Column, other: Column) -> bool:
    """Return whether two columns hold the same, read block by block."""
    return len(one) == len(other) and all(
        one[rows] == other[rows] for rows in blocks(len(one), BLOCK)
    )


def join(parts: Sequence[str], decisions: str, drop: Sequence[str] = ()) -> None:
    """Write several decision tables as one, in the given order, without the columns to drop."""
    with replacing(decisions) as temporary:
        rows = pa.concat_tables([pq.read_table(part) for part in parts]).drop_columns(list(drop))
        pq.write_table(rows, temporary, compression="zstd")
