"""The step that judges candidates: decisions of a candidate set as files."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from avatarflow.core.errors import refuse
from avatarflow.core.paths import replacing
from avatarflow.imaging.shards import Column, unreadable
from avatarflow.privacy.fingerprints.files import RowFile, encoder_digest
from avatarflow.privacy.search.neighbours import blocks
from avatarflow.runs.context import Step

from .cone import Cones
from .decide import BLOCK, Candidates, judge


def judge_pictures(
    inputs: Mapping[str, str | None], stage: str, decisions: str, step: Step
) -> None:
    """Judge one set of candidates.

    Parameters
    ----------
    inputs : mapping
        `candidates` (shards with the column `candidate`, and `reason` where some could not be read), their
        `fingerprints` (n, d), `cones`, `encoder`, and where they were asked `verifier` and `anatomy` (what they say,
        rows as the candidates: what one of them refuses is not accepted).
    stage : str
        `teacher`, `student` or `foreign`; written as a column.

    Raises
    ------
    AvatarflowError
        If the verifier or the anatomy check was asked about other candidates.
    """
    pictures = str(inputs["candidates"])
    made_by, ids = encoder_digest(str(inputs["encoder"])), Column(pictures, "candidate")
    said = {name: path for name in ("verifier", "anatomy") if (path := inputs.get(name))}
    for name, path in said.items():
        if not _equal(Column(path, "candidate"), ids):
            raise refuse(name, "it is of other candidates", "delete it and run again")
    refusals = {name: Column(path, "refusal") for name, path in said.items()}
    candidates = Candidates(
        RowFile(str(inputs["fingerprints"]), made_by),
        ids,
        encoder=made_by,
        unreadable=unreadable(pictures),
        refusals=refusals.get("verifier"),
        wrong=refusals.get("anatomy"),
    )
    summary = judge(candidates, Cones.read(str(inputs["cones"])), decisions, stage=stage)
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
