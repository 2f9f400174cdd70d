"""The truth about simulated reads: a table with a row per fragment, and the header of the BAM of all reads."""

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from avatarflow.reads import bgzf
from avatarflow.reads.simulation.illumina.blocks import Counts

from .fragments import Fragments
from .library import Library
from .mixture import HOST, JUNK
from .records import DIGITS

TRUTH = pa.schema(
    [
        ("fragment", pa.string()), ("source", pa.string()), ("taxon", pa.string()), ("contig", pa.string()),
        ("kind", pa.string()),
        ("haplotype", pa.int8()), ("start", pa.int64()), ("end", pa.int64()), ("strand", pa.string()),
        ("part", pa.string()), ("substitutions", pa.int32()), ("insertions", pa.int32()), ("deletions", pa.int32()),
        ("variants", pa.int32()),
    ]
)  # fmt: skip


class TruthWriter:
    """Make truth tables of blocks.

    Parameters
    ----------
    taxa : sequence of str
        The host first.
    contigs : sequence of str
        Name of each contig in the truth BAM, by number.
    lengths : sequence of int
        And its length.
    spans : (targets, 2) int64
        The part of each contig that the donor's panel speaks for; empty where there is none.
    """

    def __init__(
        self, taxa: Sequence[str], contigs: Sequence[str], lengths: Sequence[int], spans: npt.NDArray[np.int64],
    ) -> None:  # fmt: skip
        self.taxa, self.contigs, self.lengths, self.spans = (
            list(taxa),
            list(contigs),
            list(lengths),
            spans,
        )
        self.parts = ["", "rates", "panel"]

    def table(
        self,
        first: int,
        fragments: Fragments,
        library: Library,
        counts: Counts,
        kinds: pa.Array | None = None,
    ) -> pa.Table:
        """The rows of fragments named from `first` on; `kinds` tells what they are, where they are not all plain.

        Junk, whose contig is -1, comes from nowhere.
        """
        placed = fragments.contig >= 0
        host = placed & (fragments.source == 0)
        target = np.where(placed, library.target[fragments.contig], len(self.contigs))
        middle = (fragments.start + fragments.end) // 2
        spans = np.concatenate([self.spans, [[0, 0]]])
        inside = host & (middle >= spans[target, 0]) & (middle < spans[target, 1])
        names = [name.rpartition("\t")[2] for name in self.contigs]
        columns = [
            neutral_names(first, len(host)),
            _picked(["microbe", HOST, JUNK], np.where(placed, host, 2)),
            _picked([*self.taxa, JUNK], np.where(placed, fragments.source, len(self.taxa))),
            _picked([*names, ""], target),
            _picked(["plain"], np.zeros(len(host), np.int8)) if kinds is None else kinds,
            pa.array(np.where(placed, library.copy[fragments.contig], 0).astype(np.int8)),
            pa.array(np.where(placed, fragments.start, -1)),
            pa.array(np.where(placed, fragments.end, -1)),
            _picked(["+", "-", ""], np.where(placed, fragments.reverse, 2)),
            _picked(self.parts, host.astype(np.int64) + inside),
            *(pa.array(count) for count in counts),
        ]
        return pa.table(columns, schema=TRUTH)

    def header(self) -> bytes:
        """The BAM header as BGZF blocks: no date, no path."""
        names = [name.replace("\t", ":") for name in self.contigs]
        lines = ["@HD\tVN:1.6\tSO:unsorted\tGO:query"]
        lines += [
            f"@SQ\tSN:{name}\tLN:{length}" for name, length in zip(names, self.lengths, strict=True)
        ]
        text = "".join(
            f"{line}\n" for line in [*lines, "@PG\tID:avatarflow\tPN:avatarflow"]
        ).encode()
        out = [b"BAM\1", struct.pack("<i", len(text)), text, struct.pack("<i", len(names))]
        for name, length in zip(names, self.lengths, strict=True):
            raw = name.encode() + b"\0"
            out.append(struct.pack("<i", len(raw)) + raw + struct.pack("<i", length))
        return bgzf.compress(b"".join(out))


def _picked(names: Sequence[str], numbers: npt.NDArray[np.generic]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(numbers.astype(np.int32)), pa.array(names, pa.string())
    ).cast(pa.string())


def neutral_names(first: int, count: int) -> pa.Array:
    """Names of reads, `r` and a running number, without a Python object for each."""
    numbers = np.arange(first, first + count)[:, None] // 10 ** np.arange(DIGITS - 1, -1, -1) % 10
    text = np.full((count, DIGITS + 1), ord("r"), np.uint8)
    text[:, 1:] = numbers + ord("0")
    offsets = np.arange(count + 1, dtype=np.int32) * (DIGITS + 1)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))
