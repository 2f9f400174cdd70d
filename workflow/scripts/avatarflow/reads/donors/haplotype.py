"""One haplotype: variants put into the reference, every base marked with where it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from avatarflow.core.arrays import Codes, Integers
from avatarflow.reads.compiled import compiled
from avatarflow.reads.genomes.genome import CODE_OF, Genome

# A mark is one byte: base code (0..4), what the base is, and whether bases of the reference are missing before it.
CODE, SUBSTITUTED, INSERTED, GAP_BEFORE = 7, 8, 16, 32


class Edits(NamedTuple):
    """Variants as edits, one entry each, sorted; shared first and last bases are taken off.

    `alt` holds the new bases of all edits one after the other; edit i has alt[cut[i]:cut[i + 1]].
    """

    ref: Integers  # 0-based place on the contig
    length: Integers  # bases replaced
    cut: Integers
    alt: Codes
    ident: Integers  # row of the variant table
    large: npt.NDArray[np.bool_]  # structural: part of the scaffold that fragments are drawn on


@dataclass(frozen=True)
class Haplotype:
    """Bases of one haplotype, a mark per base, and per contig the edits with their places on the haplotype."""

    genome: Genome
    marks: Codes
    edits: tuple[Edits, ...]
    places: tuple[Integers, ...]  # start of each edit's new bases on the contig of the haplotype

    @property
    def shifted(self) -> bool:
        """Whether some structural variant changes what fragments can be drawn from."""
        return any(edit.large.any() for edit in self.edits)


def haplotype(
    reference: Genome, variants: pd.DataFrame, allele: str, large_only: bool = False
) -> Haplotype:
    """Put one allele column (`allele1`, `allele2`) of sorted variants without overlaps into the reference.

    Parameters
    ----------
    reference : Genome
    variants : DataFrame
        As `variation.draw_variants`; a column `kind` names structural variants (empty for the others).
    allele : str
    large_only : bool
        Put in structural variants alone: the scaffold that fragments are drawn on.
    """
    table = variants.reset_index(drop=True)
    table = table[table[allele] > 0]
    if large_only:
        table = table[_kinds(table) != ""]
    groups = dict(iter(table.groupby("contig", sort=False)))
    contigs, marks, edits, places = [], [], [], []
    for name, codes in reference.contigs():
        edit = _edits(groups.get(name, table.iloc[:0]), allele)
        mark, place = _applied(codes, edit.ref, edit.length, edit.cut, edit.alt)
        contigs.append((name, mark & np.uint8(CODE)))
        marks.append(mark)
        edits.append(edit)
        places.append(place)
    joined = np.concatenate(marks) if marks else np.zeros(0, np.uint8)
    return Haplotype(Genome.of(contigs), joined, tuple(edits), tuple(places))


def _kinds(table: pd.DataFrame) -> npt.NDArray[np.object_]:
    return table["kind"].to_numpy(object) if "kind" in table else np.full(len(table), "", object)


def _edits(table: pd.DataFrame, allele: str) -> Edits:
    alts = _chosen(table["alt"].tolist(), table[allele].tolist())
    trims = [_trimmed(ref, alt) for ref, alt in zip(table["ref"].tolist(), alts, strict=True)]
    skip = np.array([trim[0] for trim in trims], np.int64)
    text = "".join(trim[2] for trim in trims)
    return Edits(
        table["position"].to_numpy(np.int64) + skip,
        np.array([trim[1] for trim in trims], np.int64),
        np.cumsum([0, *(len(trim[2]) for trim in trims)], dtype=np.int64),
        CODE_OF[np.frombuffer(text.encode(), np.uint8)],
        table.index.to_numpy(np.int64),
        np.asarray(_kinds(table) != "", bool),
    )


def _chosen(alts: Sequence[str], numbers: Sequence[int]) -> list[str]:
    return [
        alt.split(",")[number - 1] if "," in alt else alt
        for alt, number in zip(alts, numbers, strict=True)
    ]


def _trimmed(ref: str, alt: str) -> tuple[int, int, str]:
    """Bases both share at the start, bases replaced after them, and what they are replaced by."""
    if len(ref) == 1 and len(alt) == 1:
        return 0, 1, alt
    shared, most = 0, min(len(ref), len(alt))
    while shared < most and ref[shared] == alt[shared]:
        shared += 1
    tail = 0
    while tail < most - shared and ref[-1 - tail] == alt[-1 - tail]:
        tail += 1
    return shared, len(ref) - shared - tail, alt[shared : len(alt) - tail]


@compiled
def _applied(
    codes: Codes, ref: Integers, length: Integers, cut: Integers, alt: Codes
) -> tuple[Codes, Integers]:
    """Marks of the changed contig, and where each edit's new bases start on it."""
    out = np.empty(len(codes) + len(alt) - length.sum(), np.uint8)
    places = np.empty(len(ref), np.int64)
    read = wrote = gap = 0
    for i in range(len(ref) + 1):
        stop = ref[i] if i < len(ref) else len(codes)
        while read < stop:
            out[wrote] = codes[read] | gap
            gap = 0
            read += 1
            wrote += 1
        if i == len(ref):
            break
        places[i] = wrote
        for k in range(cut[i + 1] - cut[i]):
            base = alt[cut[i] + k]
            kind = INSERTED if k >= length[i] else SUBSTITUTED if base != codes[ref[i] + k] else 0
            out[wrote] = base | kind | gap
            gap = 0
            wrote += 1
        if length[i] > cut[i + 1] - cut[i]:
            gap = GAP_BEFORE
        read = ref[i] + length[i]
    return out, places
