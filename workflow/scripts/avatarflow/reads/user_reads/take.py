"""A user's reads taken in: checked to the last line, under neutral names, with the truth about them where it is known.

The names, which tell machine, run and place on the flow cell, stay behind: no output and no message holds one.
"""

from collections.abc import Iterator, Mapping
from itertools import compress, islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from avatarflow.core.errors import refuse
from avatarflow.core.file_problems import Complaints
from avatarflow.core.paths import replacing, write_json
from avatarflow.reads import bgzf
from avatarflow.reads.simulation.records import DIGITS
from avatarflow.reads.simulation.truth import neutral_names
from avatarflow.runs.context import Step

from .fastq import Fastq, Record
from .mates import ONE_OF_EACH, fragments
from .truth_table import TRUTH, OwnTruth

BLOCK = 4096
MOST_FRAGMENTS = 10**DIGITS - 1
PHRED = 10.0 ** (-np.arange(94) / 10)


class Summary:
    """Lengths and qualities of what was taken in; memory does not grow with the number of reads."""

    def __init__(self) -> None:
        self.fragments, self.reads, self.short = 0, 0, 0
        self.lengths: dict[int, int] = {}
        self.qualities: npt.NDArray[np.int64] = np.zeros(256, np.int64)

    def add(self, block: list[tuple[Record, ...]]) -> None:
        """Count a block of fragments."""
        self.fragments += len(block)
        for mates in block:
            for read in mates:
                self.reads += 1
                self.lengths[len(read.bases)] = self.lengths.get(len(read.bases), 0) + 1
        text = b"".join(read.qualities for mates in block for read in mates)
        self.qualities += np.bincount(np.frombuffer(text, np.uint8), minlength=256)

    def length_at(self, share: float) -> int:
        """The length that so large a share of the reads does not exceed."""
        lengths = sorted(self.lengths)
        reached = np.cumsum([self.lengths[length] for length in lengths])
        return lengths[int(np.searchsorted(reached, share * reached[-1]))] if lengths else 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values; `error` is the mean chance of a wrong base that the qualities tell."""
        bases = int(self.qualities.sum())
        mean = bases / max(self.reads, 1)
        squares = sum(count * (length - mean) ** 2 for length, count in self.lengths.items())
        spread = (squares / max(self.reads, 1)) ** 0.5
        return {
            "fragments": self.fragments, "reads": self.reads, "bases": bases, "short_fragments_left_out": self.short,
            "length_mean": mean, "length_sd": spread, "length_min": min(self.lengths, default=0),
            "length_q05": self.length_at(0.05), "length_median": self.length_at(0.5),
            "length_max": max(self.lengths, default=0),
            "error": float(self.qualities[33:127] @ PHRED / bases) if bases else None,
        }  # fmt: skip


def take_reads(
    files: Mapping[str, str],
    shortest_bp: int,
    drop_short: bool,
    quality_offset: int | None,
    outputs: Mapping[str, str],
    step: Step,
) -> None:
    """Check a user's reads and write them, whole or not at all.

    Parameters
    ----------
    files : mapping
        Paths: `fastq1`, and `fastq2` and `truth` where they are given.
    shortest_bp : int
        A shorter read cannot be judged.
    drop_short : bool
        Whether fragments with a shorter read are left out; they are refused otherwise.
    quality_offset : int or None
        33 or 64; None takes 33 and refuses what looks like 64.
    outputs : mapping
        Paths: `reads1`, `reads2` (bgzipped FASTQ, the second empty where there is none), `truth` (as `own_truth.TRUTH`;
        without rows where nothing is known), `summary` (JSON).
    step : Step
        Told how far the files are read.

    Raises
    ------
    AvatarflowError
        With every problem of every file, the first of each kind with their lines.
    """
    complaints = Complaints()
    truth = OwnTruth(files["truth"], complaints) if files.get("truth") else None
    keys = [key for key in ("fastq1", "fastq2") if files.get(key)]
    mates = [Fastq(files[key], key, complaints, quality_offset) for key in keys]
    if len(mates) == 2 and mates[0].path.samefile(mates[1].path):
        raise refuse("fastq2", "the same file as fastq1", ONE_OF_EACH)
    renamer = Renamer(truth, shortest_bp, drop_short, complaints)
    with (
        replacing(outputs["reads1"]) as one, replacing(outputs["reads2"]) as two, replacing(outputs["truth"]) as told,
        one.open("wb") as first, two.open("wb") as second, pq.ParquetWriter(told, TRUTH, compression="zstd") as table,
    ):  # fmt: skip
        for block in batched(fragments(mates, complaints), BLOCK):
            texts, rows = renamer.renamed(block)
            for text, file in zip(texts, (first, second), strict=False):
                file.write(bgzf.compress(text))
            table.write_table(rows)
            step.progress(
                mates[0].done() >> 10, max(mates[0].size >> 10, 1), "kB of fastq1 checked"
            )
        if truth is not None:
            truth.finish()
        complaints.raise_if_any()
        if not renamer.summary.fragments:
            raise refuse(
                "own_reads",
                "no fragment is left",
                "lower own_reads.shortest_bp, or give longer reads",
            )
        for file in (first, second):
            file.write(bgzf.EOF)
    found = renamer.summary.as_dict() | {"unclear_bases": sum(file.unclear for file in mates)}
    write_json(outputs["summary"], found)
    step.info(
        "%d fragments taken in, %d left out as too short",
        found["fragments"],
        found["short_fragments_left_out"],
    )
    if any(file.crlf for file in mates):
        step.warning("line ends of Windows were taken off")
    if found["unclear_bases"]:
        step.warning("%d bases that are IUPAC codes or dots became N", found["unclear_bases"])


Fragment = tuple[Record, ...]


def batched(every: Iterator[Fragment], size: int) -> Iterator[list[Fragment]]:
    """Lists of so many."""
    while block := list(islice(every, size)):
        yield block


class Renamer:
    """Gives fragments their new names, block after block."""

    def __init__(
        self, truth: OwnTruth | None, shortest_bp: int, drop: bool, complaints: Complaints
    ) -> None:
        self.truth, self.shortest_bp, self.drop, self.complaints = (
            truth,
            shortest_bp,
            drop,
            complaints,
        )
        self.summary = Summary()

    def renamed(self, block: list[Fragment]) -> tuple[list[bytes], pa.Table]:
        """FASTQ text of each mate, and the truth about the same fragments."""
        first = self.summary.fragments
        kept = [self._long_enough(mates) for mates in block]
        told = self._told(block)
        block = list(compress(block, kept))
        if first + len(block) >= MOST_FRAGMENTS:
            raise refuse("own_reads", f"more than {MOST_FRAGMENTS} fragments", "split the files")
        self.summary.add(block)
        names = neutral_names(first, len(block))
        rows = TRUTH.empty_table()
        if told is not None:
            rows = told.filter(pa.array(kept)).add_column(0, "fragment", names)
        ends = range(len(block[0])) if block else ()
        return [fastq_text(first, [mates[end] for mates in block]) for end in ends], rows

    def _told(self, block: list[Fragment]) -> pa.Table | None:
        if self.truth is None:
            return None
        names = [tuple(mate.name for mate in mates) for mates in block]
        return self.truth.of(names, [mates[0].line for mates in block], "fastq1")

    def _long_enough(self, mates: Fragment) -> bool:
        """Whether every read can be judged; a tool that looks for k-mers never sees a shorter one as human."""
        short = [
            end
            for end, read in enumerate(mates)
            if read.good and len(read.bases) < self.shortest_bp
        ]
        if not short:
            return True
        self.summary.short += 1
        if not self.drop:
            found = f"a read of less than {self.shortest_bp} bases, which no tool can judge"
            do = "set own_reads.short: drop to leave such fragments out, or lower own_reads.shortest_bp"
            self.complaints.line(f"fastq{short[0] + 1}", mates[short[0]].bases_line, found, do)
        return False


def fastq_text(first: int, reads: list[Record]) -> bytes:
    """Records named from a running number on."""
    lines = (
        b"@r%0*d\n%b\n+\n%b\n" % (DIGITS, number, read.bases, read.qualities)
        for number, read in enumerate(reads, first)
    )
    return b"".join(lines)
