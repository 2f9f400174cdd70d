"""A diploid individual: variants put into the reference, as two haplotypes and the phased VCF that makes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from avatarflow.core.paths import replacing_folder
from avatarflow.reads import bgzf
from avatarflow.reads.genomes.genome import Genome, read_fasta, write_fasta
from avatarflow.runs.context import Step

from .haplotype import haplotype
from .mosaic import source_of
from .panel import panel_variants
from .structural import draw_structural, with_structural
from .variation import COLUMNS, Rates, Spans, draw_variants, merged


def vcf_text(reference: Genome, variants: pd.DataFrame, donor: str) -> str:
    """A phased VCF of one sample; holds no date and no path, so equal variants give equal bytes."""
    head = ["##fileformat=VCFv4.2", "##source=avatarflow"]
    head += [f"##contig=<ID={name},length={len(codes)}>" for name, codes in reference.contigs()]
    head += [
        '##INFO=<ID=PART,Number=1,Type=String,Description="Where the variant comes from: panel or rates">',
        '##INFO=<ID=KIND,Number=1,Type=String,Description="Structural variant: DEL, INS, INV, DUP, or TRA (moved)">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Phased genotype: haplotype 1 | haplotype 2">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + donor,
    ]
    kinds = [
        f";KIND={kind}" if kind else ""
        for kind in variants.get("kind", pd.Series([""] * len(variants)))
    ]
    columns = zip(*(variants[column] for column in COLUMNS), kinds, strict=True)
    body = [
        f"{contig}\t{at + 1}\tv{row}\t{ref}\t{alt}\t.\tPASS\tPART={part}{kind}\tGT\t{first}|{second}"
        for row, (contig, at, ref, alt, first, second, part, kind) in enumerate(columns)
    ]
    return "\n".join([*head, *body, ""])


def donor_variants(
    reference: Genome, level: float, rates: Rates, seed: int, donor: str, panel: Mapping[str, Any] | None,
    structural: Mapping[str, Any] | None = None,
) -> tuple[pd.DataFrame, Spans]:  # fmt: skip
    """A donor's variants: the panel's where it speaks (`panel`: see `make_individual`), drawn ones elsewhere."""
    known, spans = (
        panel_variants(panel["vcf"], source_of(panel, seed, donor), reference)
        if panel
        else (None, {})
    )
    drawn = draw_variants(reference, level, rates, seed, donor, outside=spans)
    table = merged([drawn] if known is None else [drawn, known], reference)
    if structural and structural["per_mb"] > 0:
        large = draw_structural(reference, structural, rates.homozygous_share, seed, donor, spans)
        table = merged([with_structural(table, large)], reference)
    return table, spans


def make_individual(
    reference: str, folder: str | Path, level: float, rates: Mapping[str, Any], seed: int, donor: str,
    panel: Mapping[str, Any] | None, step: Step, structural: Mapping[str, Any] | None = None,
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
        `vcf` of a phased panel, and `sample`, or None there for a mosaic of its haplotypes.
    step : Step
        Gets the number of variants and the measured level per part.
    structural : mapping or None
        See `structural.draw_structural`.
    """
    genome = read_fasta(reference)
    variants, spans = donor_variants(genome, level, Rates.of(rates), seed, donor, panel, structural)
    with replacing_folder(folder) as place:
        for number in (1, 2):
            write_fasta(
                place / f"haplotype{number}.fa",
                haplotype(genome, variants, f"allele{number}").genome,
            )
        vcf = place / "variants.vcf.gz"
        vcf.write_bytes(bgzf.compress(vcf_text(genome, variants, donor).encode()) + bgzf.EOF)
        pysam.tabix_index(str(vcf), preset="vcf", force=True)
        _write(place / "variants.parquet", variants)
        rows = [(name, *span) for name, span in spans.items()]
        _write(place / "parts.parquet", pd.DataFrame(rows, columns=["contig", "first", "end"]))
    carried = (variants["allele1"] > 0).sum() + (variants["allele2"] > 0).sum()
    step.metric("variants", len(variants))
    step.metric("variants_per_haplotype_base", carried / 2 / max(len(genome.codes), 1))
    step.info(
        "%d variants, %.5f per base of a haplotype",
        len(variants),
        carried / 2 / max(len(genome.codes), 1),
    )


def _write(path: Path, table: pd.DataFrame) -> None:
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), path, compression="zstd")
