"""Reads as bytes: FASTQ text and truth records of a BAM file, written by compiled loops into one buffer.

References
----------
SAM/BAM specification, sections 4.2 (records) and 5.3 (bins). Optional tags: `HP` haplotype (1, 2), `ZC` causes,
`ZV` rows of the variant table; see `causes`.
"""

from typing import NamedTuple

import numpy as np

from avatarflow.core.arrays import Codes
from avatarflow.reads.compiled import compiled
from avatarflow.reads.genomes.genome import LETTERS

from .sequencer import CAUSES, COMPLEMENT, LOST, OPERATION, VARIANT, Row

DIGITS = 9  # of the running number in a read's name
FIXED = 36  # bytes of a BAM record before its name, with the length that leads it
NO_MAPQ = np.uint8(255)
PAIRED, REVERSE, MATE_REVERSE, FIRST, LAST = 0x1 | 0x2, 0x10, 0x20, 0x40, 0x80
UNMAPPED, SUPPLEMENTARY = 0x4, 0x800
LETTER_OF: Codes = np.frombuffer(CAUSES, np.uint8).copy()
NIBBLE: Codes = np.array([1, 2, 4, 8, 15], np.uint8)
BASES: Codes = LETTERS.copy()
DELETION, JUMP, CLIP = 2, 3, 4
MOST_OPERATIONS, UNPLACED_BIN = 65535, 4680
NEWLINE, AT, PLUS, R, ZERO = np.uint8(10), np.uint8(64), np.uint8(43), np.uint8(114), np.uint8(48)
H, P, Z, C, V, B, I, G = (np.uint8(ord(letter)) for letter in "HPZCVBIG")  # noqa: E741 letters of tags
PHRED_0 = np.uint8(33)


@compiled
def put_name(out: Codes, at: int, number: int) -> int:
    """`r` and the running number; where it ends."""
    out[at] = R
    for digit in range(DIGITS, 0, -1):
        out[at + digit] = ZERO + np.uint8(number % 10)
        number //= 10
    return at + 1 + DIGITS


@compiled
def put_fastq(out: Codes, at: int, number: int, bases: Codes, qualities: Codes) -> int:
    """One FASTQ record of a read in reading direction; where it ends."""
    length = len(bases)
    out[at] = AT
    at = put_name(out, at + 1, number)
    out[at] = NEWLINE
    for i in range(length):
        out[at + 1 + i] = BASES[bases[i]]
    at += 1 + length
    out[at], out[at + 1], out[at + 2] = NEWLINE, PLUS, NEWLINE
    for i in range(length):
        out[at + 3 + i] = qualities[i] + PHRED_0
    out[at + 3 + length] = NEWLINE
    return at + 4 + length


@compiled
def put_32(out: Codes, at: int, value: int) -> int:
    """A little-endian 32-bit number; where it ends."""
    for i in range(4):
        out[at + i] = np.uint8((value >> (8 * i)) & 255)
    return at + 4


@compiled
def put_decimal(out: Codes, at: int, value: int) -> int:
    """A number as digits; where it ends."""
    digits, rest = 1, value // 10
    while rest:
        digits, rest = digits + 1, rest // 10
    for i in range(digits - 1, -1, -1):
        out[at + i] = ZERO + np.uint8(value % 10)
        value //= 10
    return at + digits


@compiled
def bin_of(start: int, end: int) -> int:
    """The UCSC bin of [start, end)."""
    end -= 1
    for shift, first in ((14, 4681), (17, 585), (20, 73), (23, 9), (26, 1)):
        if start >> shift == end >> shift:
            return first + (start >> shift)
    return 0


@compiled
def span(read: Row) -> int:
    """Bases of the reference that a read's runs cover."""
    total = 0
    for i in range(len(read.kinds)):
        operation = OPERATION[read.kinds[i]]
        if operation == 0 or operation == DELETION:
            total += read.lengths[i]
    return total


@compiled
def operations(read: Row) -> int:
    """How many operations the CIGAR of some runs has."""
    count, last = 0, 9
    for i in range(len(read.kinds)):
        operation = int(OPERATION[read.kinds[i]])
        count += operation != last
        last = operation
    return count


@compiled
def put_cigar(out: Codes, at: int, read: Row, forward: bool) -> tuple[int, int]:
    """The CIGAR in the reference's direction; where it ends, and how many operations it has."""
    count, operation, length, runs = 0, 9, 0, len(read.kinds)
    for i in range(runs):
        k = i if forward else runs - 1 - i
        kind = OPERATION[read.kinds[k]]
        if kind != operation and length:
            at = put_32(out, at, length << 4 | operation)
            count, length = count + 1, 0
        operation = int(kind)
        length += read.lengths[k]
    at = put_32(out, at, length << 4 | operation)
    return at, count + 1


@compiled
def put_sequence(out: Codes, at: int, bases: Codes, qualities: Codes, forward: bool) -> int:
    """Packed bases and qualities in the reference's direction; where they end."""
    length = len(bases)
    half = (length + 1) // 2
    if length % 2:
        out[at + half - 1] = NIBBLE[
            bases[length - 1] if forward else COMPLEMENT[bases[0]]
        ] << np.uint8(4)
    for i in range(length // 2):
        if forward:
            one, two = bases[2 * i], bases[2 * i + 1]
        else:
            one, two = COMPLEMENT[bases[length - 1 - 2 * i]], COMPLEMENT[bases[length - 2 - 2 * i]]
        out[at + i] = NIBBLE[one] << np.uint8(4) | NIBBLE[two]
    at += half
    if forward:
        out[at : at + length] = qualities
    else:
        for i in range(length):
            out[at + i] = qualities[length - 1 - i]
    return at + length


@compiled
def put_causes(out: Codes, at: int, read: Row, forward: bool) -> int:
    """Tags `ZC` and, where the read shows variants of the donor, `ZV`; where they end."""
    out[at], out[at + 1], out[at + 2] = Z, C, Z
    at += 3
    inherited, runs = 0, len(read.kinds)
    for i in range(runs):
        k = i if forward else runs - 1 - i
        at = put_decimal(out, at, read.lengths[k])
        kind = read.kinds[k]
        out[at] = LETTER_OF[kind]
        at += 1
        inherited += VARIANT <= kind <= LOST
    out[at] = 0
    at += 1
    if inherited:
        out[at], out[at + 1], out[at + 2], out[at + 3] = Z, V, B, I
        at = put_32(out, at + 4, inherited)
        for i in range(runs):
            k = i if forward else runs - 1 - i
            if VARIANT <= read.kinds[k] <= LOST:
                at = put_32(out, at, read.idents[k])
    return at


class Aligned(NamedTuple):
    """Where a read lies on the reference: fields of its record. Of one that lies nowhere contig and start are -1."""

    flag: int
    copy: np.uint8
    """Haplotype, 1 or 2; 0 where there is none."""
    contig: int
    start: int
    mate_contig: int
    mate_start: int
    between: int
    """Length of the template, as the format signs it."""


@compiled
def put_record(out: Codes, at: int, number: int, read: Row, where: Aligned) -> int:
    """One record of the truth BAM; where it ends.

    A read that lies nowhere has no CIGAR. More operations than the format's 16 bits can count go into the tag `CG`
    (SAM specification, section 4.2.2).
    """
    begin, covered, size = at, span(read), len(read.bases)
    forward, placed = where.flag & REVERSE == 0, where.contig >= 0
    at = put_32(out, at + 4, where.contig)
    at = put_32(out, at, where.start)
    out[at], out[at + 1] = DIGITS + 2, NO_MAPQ
    number_bin = bin_of(where.start, where.start + max(covered, 1)) if placed else UNPLACED_BIN
    out[at + 2], out[at + 3] = np.uint8(number_bin & 255), np.uint8(number_bin >> 8)
    out[at + 6], out[at + 7] = np.uint8(where.flag & 255), np.uint8(where.flag >> 8)
    at = put_32(out, at + 8, size)
    at = put_32(out, at, where.mate_contig)
    at = put_32(out, at, where.mate_start)
    at = put_32(out, at, where.between)
    at = put_name(out, at, number)
    out[at] = 0
    at, count = at + 1, 0
    more = len(read.kinds) > MOST_OPERATIONS and operations(read) > MOST_OPERATIONS
    if more:
        at, count = put_32(out, put_32(out, at, size << 4 | CLIP), covered << 4 | JUMP), 2
    elif placed:
        at, count = put_cigar(out, at, read, forward)
    out[begin + 16], out[begin + 17] = np.uint8(count & 255), np.uint8(count >> 8)
    at = put_sequence(out, at, read.bases, read.qualities, forward)
    if where.copy:
        out[at], out[at + 1], out[at + 2], out[at + 3] = H, P, C, where.copy
        at += 4
    at = put_causes(out, at, read, forward)
    if more:
        out[at], out[at + 1], out[at + 2], out[at + 3] = C, G, B, I
        begin_count = at + 4
        at, count = put_cigar(out, at + 8, read, forward)
        put_32(out, begin_count, count)
    put_32(out, begin, at - begin - 4)
    return at


@compiled
def room_for(bases: int) -> int:
    """Bytes that the record of one read may take at most."""
    return FIXED + DIGITS + 64 + 2 * bases + 17 * (4 * bases + 64)
