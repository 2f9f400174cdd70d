"""A diploid individual: variants put into the reference, as two haplotypes and the phased VCF that makes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from ..paths import replacing_folder
from ..runtime import Step
from . import bgzf
from .genome import CODE_OF, Codes, Genome, Integers, read_fasta, write_fasta
from .panel import panel_variants
from .variation import COLUMNS, Rates, Spans, draw_variants, merged


@dataclass(frozen=True)
class Haplotype:
    """One haplotype's bases, and where reference positions lie on them."""

    genome: Genome
    ends: tuple[Integers, ...]  # per contig: end (exclusive) of each length-changing variant on the reference
    shifts: tuple[Integers, ...]  # per contig: bases gained up to and including it, with a leading 0

    def lift(self, contig: int, position: Integers) -> Integers:
        """Reference positions (0-based) of one contig as positions on this haplotype's; in a deletion: near it."""
        behind = np.searchsorted(self.ends[contig], position, side="right")
        lifted = position + self.shifts[contig][behind]
        return np.asarray(np.clip(lifted, 0, len(self.genome.contig(contig))))


def haplotype(reference: Genome, variants: pd.DataFrame, allele: str) -> Haplotype:
    """Put one allele column (`allele1`, `allele2`) of sorted variants without overlaps into the reference."""
    groups = dict(iter(variants[variants[allele] > 0].groupby("contig", sort=False)))
    contigs, ends, shifts = [], [], []
    for name, codes in reference.contigs():
        changed, end, shift = _applied(codes, groups.get(name, variants.iloc[:0]), allele)
        contigs.append((name, changed))
        ends.append(end)
        shifts.append(shift)
    return Haplotype(Genome.of(contigs), tuple(ends), tuple(shifts))


def _applied(codes: Codes, variants: pd.DataFrame, allele: str) -> tuple[Codes, Integers, Integers]:
    """Sequence with the variants in it, ends of the variants and cumulated shifts."""
    at = variants["position"].to_numpy(np.int64)
    alts = [alt.split(",")[number - 1] for alt, number in zip(variants["alt"], variants[allele], strict=True)]
    removed = variants["ref"].str.len().to_numpy(np.int64) if len(alts) else at
    added = np.array([len(alt) for alt in alts], np.int64)
    out = codes.copy()
    single = (removed == 1) & (added == 1)
    letters = "".join(alt for alt, plain in zip(alts, single, strict=True) if plain)
    out[at[single]] = CODE_OF[np.frombuffer(letters.encode(), np.uint8)]
    pieces, cursor = [], 0
    for i in np.flatnonzero(~single):
        pieces += [out[cursor : at[i]], CODE_OF[np.frombuffer(alts[i].encode(), np.uint8)]]
        cursor = at[i] + removed[i]
    longer = removed != added
    shifts = np.concatenate([[0], np.cumsum((added - removed)[longer])]).astype(np.int64)
    return np.concatenate([*pieces, out[cursor:]]), (at + removed)[longer], shifts


def vcf_text(reference: Genome, variants: pd.DataFrame, donor: str) -> str:
    """A phased VCF of one sample; holds no date and no path, so equal variants give equal bytes."""
    head = ["##fileformat=VCFv4.2", "##source=avatarflow"]
    head += [f"##contig=<ID={name},length={len(codes)}>" for name, codes in reference.contigs()]
    head += [
        '##INFO=<ID=PART,Number=1,Type=String,Description="Where the variant comes from: panel or rates">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Phased genotype: haplotype 1 | haplotype 2">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + donor,
    ]
    columns = zip(*(variants[column] for column in COLUMNS), strict=True)
    body = [
        f"{contig}\t{at + 1}\t.\t{ref}\t{alt}\t.\tPASS\tPART={part}\tGT\t{first}|{second}"
        for contig, at, ref, alt, first, second, part in columns
    ]
    return "\n".join([*head, *body, ""])


def donor_variants(
    reference: Genome, level: float, rates: Rates, seed: int, donor: str, panel: Mapping[str, Any] | None
) -> tuple[pd.DataFrame, Spans]:
    """A donor's variants: the panel's where it speaks (`panel` has `vcf` and `sample`), drawn ones elsewhere."""
    if panel is None:
        return draw_variants(reference, level, rates, seed, donor), {}
    known, spans = panel_variants(panel["vcf"], panel["sample"], reference)
    drawn = draw_variants(reference, level, rates, seed, donor, outside=spans)
    return merged([drawn, known], reference), spans


def make_individual(
    reference: str, folder: str | Path, level: float, rates: Mapping[str, Any], seed: int, donor: str,
    panel: Mapping[str, Any] | None, step: Step,
) -> None:  # fmt: skip
    """Write one individual as a folder.

    Files: `haplotype1.fa`, `haplotype2.fa`, `variants.vcf.gz` (+ `.tbi`), `variants.parquet`, `parts.parquet`.

    Parameters
    ----------
    reference : path
        FASTA of the host as prepared.
    folder : path
        Replaced as a whole.
    level, rates, seed, donor
        See `variation.draw_variants`.
    panel : mapping or None
        `vcf` and `sample` of a phased panel.
    step : Step
        Gets the number of variants and the measured level per part.
    """
    genome = read_fasta(reference)
    variants, spans = donor_variants(genome, level, Rates.of(rates), seed, donor, panel)
    with replacing_folder(folder) as place:
        for number in (1, 2):
            write_fasta(place / f"haplotype{number}.fa", haplotype(genome, variants, f"allele{number}").genome)
        vcf = place / "variants.vcf.gz"
        vcf.write_bytes(bgzf.compress(vcf_text(genome, variants, donor).encode()) + bgzf.EOF)
        pysam.tabix_index(str(vcf), preset="vcf", force=True)
        _write(place / "variants.parquet", variants)
        rows = [(name, *span) for name, span in spans.items()]
        _write(place / "parts.parquet", pd.DataFrame(rows, columns=["contig", "first", "end"]))
    carried = (variants["allele1"] > 0).sum() + (variants["allele2"] > 0).sum()
    step.metric("variants", len(variants))
    step.metric("variants_per_haplotype_base", carried / 2 / max(len(genome.codes), 1))
    step.info("%d variants, %.5f per base of a haplotype", len(variants), carried / 2 / max(len(genome.codes), 1))


def _write(path: Path, table: pd.DataFrame) -> None:
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), path, compression="zstd")
