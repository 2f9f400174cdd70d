"""Spike-ins read as the user's reads were: each takes length, qualities, N and so its errors from one of them.

A mean error hides what is missed first. Where a twentieth of the reads is bad, a twentieth of the spike-ins is as bad.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Codes, Floats
from avatarflow.core.seeds import generator, integer
from avatarflow.reads.compiled import compiled, unit_at
from avatarflow.reads.genomes.genome import LETTERS, TO_CODE, N

MARGIN_BP = 16  # of the template, for bases that the sequencer skips
CEILING = 0.75  # four equally likely bases
CLEAN_BP = 21  # bases without an error from which every tool can begin
CHANCES: Floats = np.minimum(10.0 ** (-np.maximum(np.arange(256) - 33, 0) / 10), CEILING)
"""Chance of a wrong base by the byte of its quality."""

CLASSES = np.array([1.0, 3.0, 10.0, 30.0, 100.0])
EVEN = 0.5

Body = tuple[bytes, ...]


def drawn(clean: Floats, spikes: int, seed: int) -> npt.NDArray[np.int64]:
    """Which of the user's fragments each spike-in takes after, with replacement.

    Half of them evenly, half of them in equal parts from each class of quality that occurs: human reads may all be of a
    rare one.

    Parameters
    ----------
    clean : (n,) float
        `clean_kmers` of the user's fragments.
    spikes : int
    seed : int
    """
    random = generator(seed, "spike-ins.qualities")
    classes = quality_class(clean)
    order = np.argsort(classes, kind="stable")
    known, first, count = np.unique(classes[order], return_index=True, return_counts=True)
    even = random.integers(0, len(clean), spikes)
    which = random.integers(0, len(known), spikes)
    of_class = order[first[which] + (random.random(spikes) * count[which]).astype(np.int64)]
    return np.where(random.random(spikes) < EVEN, even, of_class)


def quality_class(clean: Floats) -> npt.NDArray[np.int64]:
    """Class of each fragment, from 0 for the worst, by its expected stretches without an error."""
    return np.searchsorted(CLASSES, clean, side="right").astype(np.int64)


@compiled
def sequenced(
    key: np.uint64, template: Codes, own: Codes, chances: Floats, indel_ratio: float, out: Codes
) -> int:
    """Read a template with the chances of error of each base of another read; how many bases are in `out` then.

    Parameters
    ----------
    key : uint64
        Of the read's random numbers.
    template : (m,) uint8
        Codes; where it ends, the read ends.
    own : (n,) uint8
        Codes of the user's read: its N are N here too.
    chances : (n,) float
        Chance of a wrong base.
    indel_ratio : float
        Insertions and deletions, in equal parts, per substitution.
    out : (n,) uint8
    """
    at, size = 0, 0
    while size < len(own) and at < len(template):
        chance = chances[size]
        draw = unit_at(key, 4 * (at + size))
        indel = unit_at(key, 4 * (at + size) + 1)
        if indel < chance * indel_ratio / 2:
            at += 1  # skipped
            continue
        code = template[at]
        other = int(unit_at(key, 4 * (at + size) + 2) * 3) + 1
        if indel < chance * indel_ratio:
            code = (code + other) & 3  # an inserted base; the template stays
        else:
            at += 1
            if draw < chance and code < N:
                code = (code + other) & 3
        out[size] = N if own[size] == N else code
        size += 1
    return size


def as_read(key: int, simulated: bytes, own: bytes, indel_ratio: float) -> bytes:
    """Three lines of a FASTQ record: the simulated read with the errors that the user's read would have."""
    template, letters, qualities = simulated.partition(b"\n")[0], *_lines(own)
    codes = np.frombuffer(letters.translate(TO_CODE), np.uint8)
    chances = CHANCES[np.frombuffer(qualities, np.uint8)]
    out = np.empty(len(codes), np.uint8)
    size = sequenced(
        np.uint64(key),
        np.frombuffer(template.translate(TO_CODE), np.uint8),
        codes,
        chances,
        indel_ratio,
        out,
    )
    return b"%b\n+\n%b\n" % (LETTERS[out[:size]].tobytes(), qualities[:size])


def as_fragment(
    seed: int, number: int, simulated: Body, own: Body, indel_ratio: float, longest_bp: int
) -> Body:
    """One spike-in, read for read, cut to `longest_bp`."""
    return tuple(
        as_read(
            integer(seed, "spike-ins.errors", number, mate),
            read,
            cut(whole, longest_bp),
            indel_ratio,
        )
        for mate, (read, whole) in enumerate(zip(simulated, own, strict=True))
    )


def cut(read: bytes, longest_bp: int) -> bytes:
    """The first bases of a record without its name."""
    letters, qualities = _lines(read)
    if len(letters) <= longest_bp:
        return read
    return b"%b\n+\n%b\n" % (letters[:longest_bp], qualities[:longest_bp])


def clean_kmers(fragments: Sequence[Body]) -> Floats:
    """Stretches of 21 bases that are expected to be without an error, in each fragment, by its qualities."""
    texts = [_lines(read) for reads in fragments for read in reads]
    letters = np.frombuffer(b"N".join(letters for letters, _ in texts) + b"N", np.uint8)
    qualities = np.frombuffer(b"!".join(scores for _, scores in texts) + b"!", np.uint8)
    chances = np.where(letters == ord("N"), 1 - 1e-12, CHANCES[qualities])
    right = np.concatenate([[0.0], np.cumsum(np.log1p(-chances))])
    sums = np.zeros(len(chances) + 1)
    if len(chances) >= CLEAN_BP:
        sums[: len(chances) - CLEAN_BP + 1] = np.exp(right[CLEAN_BP:] - right[:-CLEAN_BP])
    sizes = [sum(len(read.partition(b"\n")[0]) + 1 for read in reads) for reads in fragments]
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1].astype(np.int64)
    return np.asarray(np.add.reduceat(sums[:-1], starts)) if len(starts) else np.zeros(0)


def _lines(read: bytes) -> tuple[bytes, bytes]:
    letters, _, rest = read.partition(b"\n")
    return letters, rest[2:].rstrip(b"\n")
