"""A diploid individual: variants put into the reference, as two haplotypes and the phased VCF that makes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pysam

from avatarflow.core.paths import replacing
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


@dataclass(frozen=True)
class Donor:
    """A donor, and what their variants are taken from.

    `level`, `rates`, `seed`: see `variation.draw_variants`. `panel`: VCF of a phased panel, where there is one;
    `sample`: a column of it, or None for a mosaic of its haplotypes. `structural`: see `structural.draw_structural`.
    """

    name: str
    level: float
    rates: Rates
    seed: int
    panel: str | Path | None = None
    sample: str | None = None
    structural: Mapping[str, Any] | None = None


def donor_variants(reference: Genome, donor: Donor) -> tuple[pd.DataFrame, Spans]:
    """Return a donor's variants, the panel's where it speaks and drawn ones elsewhere, and the panel's spans."""
    known: list[pd.DataFrame] = []
    spans: Spans = {}
    if donor.panel:
        source = source_of(donor.sample, donor.seed, donor.name)
        variants, spans = panel_variants(donor.panel, source, reference)
        known = [variants]
    drawn = draw_variants(
        reference, donor.level, donor.rates, donor.seed, donor.name, outside=spans
    )
    table = merged([drawn, *known], reference)
    if donor.structural and donor.structural["per_mb"] > 0:
        large = draw_structural(
            reference,
            donor.structural,
            donor.rates.homozygous_share,
            donor.seed,
            donor.name,
            spans,
        )
        table = merged([with_structural(table, large)], reference)
    return table, spans


OUTPUTS = {
    "haplotype1": "haplotype1.fa",
    "haplotype2": "haplotype2.fa",
    "vcf": "variants.vcf.gz",
    "index": "variants.vcf.gz.tbi",
    "variants": "variants.parquet",
    "parts": "parts.parquet",
}


def outputs_in(folder: str | Path) -> dict[str, Path]:
    """Return the paths that `make_individual` writes, all in one folder under their usual names."""
    return {key: Path(folder) / name for key, name in OUTPUTS.items()}


def make_individual(
    reference: str, donor: Donor, outputs: Mapping[str, str | Path], step: Step
) -> None:
    """Write one individual.

    Parameters
    ----------
    reference : path
        FASTA of the host as prepared.
    donor : Donor
    outputs : mapping
        Paths: `haplotype1`, `haplotype2` (FASTA), `vcf` and its `index`, `variants` and `parts` (Parquet).
    step : Step
        Gets the number of variants and the measured level per part.
    """
    genome = read_fasta(reference)
    variants, spans = donor_variants(genome, donor)
    for number in (1, 2):
        made = haplotype(genome, variants, f"allele{number}").genome
        write_fasta(outputs[f"haplotype{number}"], made)
    with replacing(outputs["vcf"]) as vcf, replacing(outputs["index"]) as index:
        vcf.write_bytes(bgzf.compress(vcf_text(genome, variants, donor.name).encode()) + bgzf.EOF)
        pysam.tabix_index(str(vcf), preset="vcf", force=True, index=str(index))
    _write(outputs["variants"], variants)
    rows = [(name, *span) for name, span in spans.items()]
    _write(outputs["parts"], pd.DataFrame(rows, columns=["contig", "first", "end"]))
    carried = (variants["allele1"] > 0).sum() + (variants["allele2"] > 0).sum()
    step.metric("variants", len(variants))
    step.metric("variants_per_haplotype_base", carried / 2 / max(len(genome.codes), 1))
    step.info(
        "%d variants, %.5f per base of a haplotype",
        len(variants),
        carried / 2 / max(len(genome.codes), 1),
    )


def _write(target: str | Path, table: pd.DataFrame) -> None:
    with replacing(target) as path:
        pq.write_table(pa.Table.from_pandas(table, preserve_index=False), path, compression="zstd")
