"""One read off a haplotype: bases, qualities, and runs that say of every base where it comes from.

A run is a stretch of one cause. Causes as letters, upper case from the donor, lower case from the machine:

====== ======================================================= ===== =========================
letter meaning                                                 CIGAR bases of the read
====== ======================================================= ===== =========================
``=``  as the reference has it                                 M     yes
``V``  inherited substitution                                  M     yes
``I``  inherited insertion                                     I     yes
``D``  inherited deletion                                      D     none: of the reference
``x``  sequencing substitution                                 M     yes
``y``  sequencing substitution of an inherited inserted base   I     yes
``i``  sequencing insertion                                    I     yes
``d``  sequencing deletion                                     D     none: of the reference
``s``  no genome at all: adapter, junk, second part of a       S     yes
       chimera
====== ======================================================= ===== =========================
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Codes, Integers
from avatarflow.reads.compiled import compiled, last_at_most, mix, word_at
from avatarflow.reads.donors.haplotype import CODE, GAP_BEFORE, INSERTED, SUBSTITUTED
from avatarflow.reads.genomes.genome import N

from .library import Library

CAUSES = b"=VIDxyids"
SAME, VARIANT, GAINED, LOST, WRONG, WRONG_GAINED, EXTRA, SKIPPED, FOREIGN = range(9)
# BAM's numbers of M, M, I, D, M, I, I, D, S
OPERATION: Codes = np.array([0, 0, 1, 2, 0, 1, 1, 2, 4], np.uint8)
COMPLEMENT: Codes = np.array([3, 2, 1, 0, 4], np.uint8)
NO_VARIANT = -1
LOW_16, LOW_14 = np.uint64(0xFFFF), np.uint64(0x3FFF)
FIVE, THREE = np.uint64(5), np.uint64(3)
LOW_2, BIT_31, N_QUALITY = np.uint64(3), np.uint64(1 << 31), np.uint8(2)
S32, S16, S14 = np.uint64(32), np.uint64(16), np.uint64(14)


class Tables(NamedTuple):
    """Chances of error and qualities of a machine, by mate, cycle and wobble of quality, (2, length, 5)."""

    wrong: npt.NDArray[np.uint32]  # a substitution below this, of 2^32
    indel: npt.NDArray[np.uint32]  # an insertion or deletion from this on, of 2^32
    quality: Codes


@compiled
def tables_of(tables: Tables, mate: int) -> Tables:
    """The tables of one mate, (length, 5)."""
    return Tables(tables.wrong[mate], tables.indel[mate], tables.quality[mate])


class Scratch(NamedTuple):
    """Room for reads in reading direction: (reads, bases), and the runs of their parts: (parts, runs)."""

    bases: Codes
    qualities: Codes
    kinds: Codes
    lengths: Integers
    idents: Integers

    @classmethod
    def of(cls, reads: int, bases: int, parts: int, runs: int) -> "Scratch":
        """Nothing yet, of reads of so many bases and parts of so many runs."""
        one, two = np.zeros((reads, bases), np.uint8), np.zeros((reads, bases), np.uint8)
        kinds, lengths, idents = (
            np.zeros((parts, runs), kind) for kind in (np.uint8, np.int64, np.int64)
        )
        return cls(one, two, kinds, lengths, idents)

    @classmethod
    def for_mates(cls, bases: int, mates: int = 2) -> "Scratch":
        """Room for mates of so many bases, a part each."""
        return cls.of(mates, bases, mates, 4 * bases + 64)


class Row(NamedTuple):
    """A read, or one of its parts: views of the scratch, quicker to hand over than it."""

    bases: Codes
    qualities: Codes
    kinds: Codes
    lengths: Integers
    idents: Integers


@compiled
def row_of(scratch: Scratch, read: int, part: int) -> Row:
    """The bases of a read, and the runs of a part."""
    return Row(
        scratch.bases[read], scratch.qualities[read],
        scratch.kinds[part], scratch.lengths[part], scratch.idents[part],
    )  # fmt: skip


@compiled
def cut(row: Row, bases: int, runs: int) -> Row:
    """The row without the room that is left."""
    return Row(
        row.bases[:bases], row.qualities[:bases],
        row.kinds[:runs], row.lengths[:runs], row.idents[:runs],
    )  # fmt: skip


@compiled
def push(row: Row, runs: int, kind: int, length: int, ident: int) -> int:
    """Add to the runs, or to the last of them where it is the same; the number of runs."""
    if length == 0:
        return runs
    if runs and row.kinds[runs - 1] == kind and row.idents[runs - 1] == ident:
        row.lengths[runs - 1] += length
        return runs
    row.kinds[runs], row.lengths[runs], row.idents[runs] = kind, length, ident
    return runs + 1


@compiled
def gaps(library: Library, position: int, row: Row, runs: int) -> int:
    """Add the inherited deletions that lie right before a base of the marks."""
    edits = library.edits
    k = last_at_most(edits.at, position, 0, len(edits.at))
    while k >= 0 and edits.at[k] + edits.new[k] >= position:
        if edits.at[k] + edits.new[k] == position and edits.old[k] > edits.new[k]:
            runs = push(row, runs, LOST, edits.old[k] - edits.new[k], edits.ident[k])
        k -= 1
    return runs


@compiled
def template_run(library: Library, position: int, row: Row, runs: int, fate: int) -> int:
    """Add one base of the haplotype: `fate` is SAME (read as it is), WRONG (read wrongly) or SKIPPED (not read)."""
    mark = library.marks[position]
    inserted, changed = mark & INSERTED != 0, mark & SUBSTITUTED != 0
    if fate == SKIPPED:  # an inserted base that is not read leaves no trace
        return runs if inserted else push(row, runs, SKIPPED, 1, NO_VARIANT)
    if fate == WRONG:
        return push(row, runs, WRONG_GAINED if inserted else WRONG, 1, NO_VARIANT)
    if not inserted and not changed:
        return push(row, runs, SAME, 1, NO_VARIANT)
    k = last_at_most(library.edits.at, position, 0, len(library.edits.at))
    return push(row, runs, GAINED if inserted else VARIANT, 1, library.edits.ident[k])


@compiled
def step_runs(
    library: Library,
    position: int,
    begun: bool,
    forward: bool,
    row: Row,
    runs: int,
    fate: int,
) -> int:
    """Runs of stepping onto a base of the marks, the deletion that is stepped over with it."""
    over = position if forward else position + 1
    if begun and library.marks[over] & GAP_BEFORE:
        runs = gaps(library, over, row, runs)
    return template_run(library, position, row, runs, fate)


@compiled
def changed(base: np.uint8, word: np.uint64) -> np.uint8:
    """One of the three other bases."""
    return np.uint8(
        (base + np.uint8(1) + np.uint8((((word >> S16) & LOW_14) * THREE) >> S14)) & np.uint8(3)
    )


@compiled
def read_template(
    library: Library, contig: int, begin: int, forward: bool, key: np.uint64, tables: Tables, row: Row
) -> tuple[int, int, int]:  # fmt: skip
    """Read the marks of a contig from `begin` on, up (`forward`) or down (complemented), as the mate's tables say.

    The random number of a cycle tells whether its base is wrong (low numbers) or an insertion or deletion happens
    (high ones), so a higher rate adds errors and moves none.

    Returns
    -------
    bases : int
        How many were read; fewer than there are cycles only at the end of a contig.
    runs : int
        How many runs, in reading direction.
    leftmost : int
        Smallest place on the marks that was read.
    """
    low, high = library.mark_starts[contig], library.mark_starts[contig + 1]
    position, step = begin, 1 if forward else -1
    runs = plain = done = 0
    leftmost = begin
    begun = False
    for cycle in range(len(tables.wrong)):
        if not low <= position < high:
            break
        word = word_at(key, cycle)
        wobble = np.int64(((word & LOW_16) * FIVE) >> S16)
        chance = np.uint32(word >> S32)
        mark, over = (
            library.marks[position],
            library.marks[position if forward else min(position + 1, high - 1)],
        )
        calm = tables.wrong[cycle, wobble] <= chance < tables.indel[cycle, wobble]
        row.qualities[cycle] = tables.quality[cycle, wobble]
        done += 1
        if calm and mark < N and over < GAP_BEFORE:  # nearly always
            row.bases[cycle] = mark if forward else 3 - mark
            plain += 1
            leftmost, begun = position, True
            position += step
            continue
        runs, plain = push(row, runs, SAME, plain, NO_VARIANT), 0
        fate = WRONG if chance < tables.wrong[cycle, wobble] else SAME
        if not calm and fate == SAME:
            fate = EXTRA if word & BIT_31 else SKIPPED
        if fate == EXTRA:
            row.bases[cycle] = np.uint8(mix(word) & LOW_2)
            runs = push(row, runs, EXTRA, 1, NO_VARIANT)
            continue
        if fate == SKIPPED:
            if begun and low <= position + step < high:
                runs = step_runs(library, position, begun, forward, row, runs, SKIPPED)
                position += step
            fate = SAME
        base = library.marks[position] & CODE
        if base == N:
            fate, row.qualities[cycle] = SAME, N_QUALITY
        runs = step_runs(library, position, begun, forward, row, runs, fate)
        base = base if forward else COMPLEMENT[base]
        row.bases[cycle] = changed(base, word) if fate == WRONG else base
        leftmost, begun = position, True
        position += step
    runs = push(row, runs, SAME, plain, NO_VARIANT)
    return done, runs, min(leftmost, begin)
