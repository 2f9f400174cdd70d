"""Reading the truth BAM: for every base of a read, where it comes from.

Tags of a record, all in the direction of its CIGAR:

- `HP` (integer): haplotype 1 or 2 of the donor; absent for microbes
- `ZC` (text): runs, a count and a letter each, see `sequencer`; `98=1V20=1x30=` is 98 bases as the reference has them,
  an inherited substitution, 20 more, a sequencing error, 30 more
- `ZV` (unsigned integers, absent where there are none): for each run `V`, `I` or `D` in turn the row, from 0, of the
  donor's variant table, which is also the number in the ID (`v12`) of the donor's VCF
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pysam

RUN = re.compile(r"(\d+)([=VIDxyids])")
NOT_IN_READ = "Dd"
INHERITED = "VID"


@dataclass(frozen=True)
class Run:
    """A stretch of one cause; `variant` is the row of the donor's variant table, or None."""

    length: int
    cause: str
    variant: int | None


def runs(record: pysam.AlignedSegment) -> list[Run]:
    """The runs of one record, in the direction of its CIGAR.

    Raises
    ------
    ValueError
        If the record has no readable `ZC` or too few `ZV`.
    """
    text = record.get_tag("ZC")
    parts = RUN.findall(text)
    if "".join(count + letter for count, letter in parts) != text:
        raise ValueError(f"{record.query_name}: unreadable ZC tag")
    rows: Iterator[int] = iter(record.get_tag("ZV") if record.has_tag("ZV") else ())
    try:
        return [
            Run(int(count), letter, int(next(rows)) if letter in INHERITED else None)
            for count, letter in parts
        ]
    except StopIteration:
        raise ValueError(
            f"{record.query_name}: ZV has fewer rows than ZC has inherited runs"
        ) from None


def causes(record: pysam.AlignedSegment) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.int64]]:
    """Cause letter and variant row (-1 for none) of every base of `record.query_sequence`, (length,) each."""
    shown = [run for run in runs(record) if run.cause not in NOT_IN_READ]
    lengths = [run.length for run in shown]
    letters = np.repeat(np.array([run.cause for run in shown], "U1"), lengths)
    rows = np.repeat(
        np.array([-1 if run.variant is None else run.variant for run in shown], np.int64), lengths
    )
    return letters, rows
