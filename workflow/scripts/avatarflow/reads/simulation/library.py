"""All that reads are cut from, as flat arrays for compiled loops: both haplotypes of the host, then the microbes.

Three coordinates. *Reference*: a place on a contig as the truth tells it. *Scaffold*: the reference with the structural
variants of one haplotype in it; fragments are drawn here, so their places do not depend on the level of small
variation. *Marks*: the haplotype with all its variants. Scaffold and marks number the bases of all views through.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Codes, Integers
from avatarflow.reads.compiled import compiled, last_at_most
from avatarflow.reads.donors.haplotype import Haplotype
from avatarflow.reads.genomes.genome import Genome, N

GC_STEP = 32  # bases per entry of the running count of G and C


class Places(NamedTuple):
    """Edits by their place on a sequence: sorted starts there, new and old length, start on the reference contig."""

    at: Integers
    new: Integers
    old: Integers
    ref: Integers
    ident: Integers


class Library(NamedTuple):
    """See the module; a view is one haplotype of the host or one microbe, and has the contigs first[v]:first[v + 1]."""

    marks: Codes
    mark_starts: Integers  # (contigs + 1,)
    scaffold_starts: Integers  # (contigs + 1,)
    first: Integers  # (views + 1,)
    target: Integers  # (contigs,) number of the contig in the truth BAM
    copy: npt.NDArray[np.uint8]  # (contigs,) haplotype 1 or 2; 0 for microbes
    edits: Places  # on marks
    large: Places  # on the scaffold
    lift_at: Integers  # scaffold places behind which the marks are shifted
    lift_by: Integers  # (len(lift_at) + 1,)
    unknown_starts: Integers  # runs of N on the scaffold
    unknown_ends: Integers
    gc: npt.NDArray[np.uint32]  # G and C before every GC_STEP-th base of the scaffold
    first_share: float = 0.5  # of the host's fragments that come from the first haplotype


class View(NamedTuple):
    """One sequence set to be put into a library: the haplotype (None for a plain genome) on its scaffold."""

    reference: Genome
    scaffold: Genome
    haplotype: Haplotype | None
    copy: int
    first_target: int


def build(views: Sequence[View], first_share: float = 0.5) -> Library:
    """The library of some views, host haplotypes first."""
    marks = [view.haplotype.marks if view.haplotype else view.reference.codes for view in views]
    lengths = [
        (view.haplotype.genome if view.haplotype else view.reference).starts for view in views
    ]
    scaffolds = np.concatenate([view.scaffold.codes for view in views])
    mark_starts = _through([np.diff(starts) for starts in lengths])
    scaffold_starts = _through([np.diff(view.scaffold.starts) for view in views])
    counts = [len(view.reference.names) for view in views]
    first = np.cumsum([0, *counts])
    tables = [
        _places(view.haplotype, mark_starts[start:], scaffold_starts[start:])
        for view, start in zip(views, first[:-1], strict=True)
        if view.haplotype
    ]
    at, by = (
        np.concatenate([table[part] for table in tables] or [np.zeros(0, np.int64)])
        for part in (2, 3)
    )
    unknown = unknown_runs(scaffolds)
    return Library(
        np.concatenate(marks),
        mark_starts,
        scaffold_starts,
        first.astype(np.int64),
        np.concatenate(
            [
                view.first_target + np.arange(count)
                for view, count in zip(views, counts, strict=True)
            ]
        ),
        np.repeat([view.copy for view in views], counts).astype(np.uint8),
        _joined([table[0] for table in tables]),
        _joined([table[1] for table in tables]),
        at,
        np.concatenate([[0], np.cumsum(by)]).astype(np.int64),
        unknown[0],
        unknown[1],
        _gc(scaffolds),
        first_share,
    )


def _through(lengths: Sequence[Integers]) -> Integers:
    return np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)


def _joined(tables: Sequence[Places]) -> Places:
    if not tables:
        return Places(*(np.zeros(0, np.int64) for _ in Places._fields))
    return Places(*(np.concatenate(parts) for parts in zip(*tables, strict=True)))


def _places(
    person: Haplotype, mark_starts: Integers, scaffold_starts: Integers
) -> tuple[Places, Places, Integers, Integers]:
    """Edits on the marks, large ones on the scaffold, and the small length-changing ones as lifts."""
    all_, large, lift_at, lift_by = [], [], [], []
    for contig, (edit, place) in enumerate(zip(person.edits, person.places, strict=True)):
        new = np.diff(edit.cut)
        gained = new - edit.length
        shift = np.concatenate([[0], np.cumsum(np.where(edit.large, gained, 0))])
        on_scaffold = scaffold_starts[contig] + edit.ref + shift[:-1]
        all_.append(Places(mark_starts[contig] + place, new, edit.length, edit.ref, edit.ident))
        kept = edit.large
        large.append(
            Places(
                on_scaffold[kept], new[kept], edit.length[kept], edit.ref[kept], edit.ident[kept]
            )
        )
        small = ~kept & (gained != 0)
        lift_at.append((on_scaffold + edit.length)[small])
        lift_by.append(gained[small])
    return _joined(all_), _joined(large), np.concatenate(lift_at), np.concatenate(lift_by)


@compiled
def unknown_runs(codes: Codes) -> tuple[Integers, Integers]:
    """Starts and ends of the runs of N, without a copy of the sequence."""
    runs = 0
    for i in range(len(codes)):
        runs += codes[i] == N and (i == 0 or codes[i - 1] != N)
    starts, ends = np.empty(runs, np.int64), np.empty(runs, np.int64)
    run = -1
    for i in range(len(codes)):
        if codes[i] == N:
            if i == 0 or codes[i - 1] != N:
                run += 1
                starts[run] = i
            ends[run] = i + 1
    return starts, ends


@compiled
def _gc(codes: Codes) -> npt.NDArray[np.uint32]:
    out = np.zeros(len(codes) // GC_STEP + 2, np.uint32)
    for i in range(len(codes)):
        out[i // GC_STEP + 1] += np.uint32(codes[i] == 1 or codes[i] == 2)
    for i in range(1, len(out)):
        out[i] += out[i - 1]
    return out


@compiled
def to_reference(places: Places, position: int, start: int) -> int:
    """A place on a numbered-through sequence as a place on the reference contig that starts there at `start`."""
    k = last_at_most(places.at, position, 0, len(places.at))
    if k < 0 or places.at[k] < start:
        return int(position - start)
    inside = position - places.at[k]
    if inside < places.new[k]:
        return int(places.ref[k] + min(inside, places.old[k]))
    return int(places.ref[k] + places.old[k] + inside - places.new[k])


@compiled
def lifted(library: Library, position: int) -> int:
    """A place on the scaffold as a place on the marks; in a small deletion: right behind it."""
    k = last_at_most(library.lift_at, position, 0, len(library.lift_at))
    return int(position + library.lift_by[k + 1])
