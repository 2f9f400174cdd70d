"""The genomes that reads come from, read from files and put into one library."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from avatarflow.core.arrays import Codes
from avatarflow.reads.donors.haplotype import haplotype
from avatarflow.reads.donors.sex import known_share, without_absent
from avatarflow.reads.genomes.genome import Genome, read_fasta

from .library import Library, View, build
from .mixture import HOST
from .truth import TruthWriter

TAXON_MARK = ":"


@dataclass(frozen=True)
class Sources:
    """What fragments are cut from, how the truth names it, and the host's reference."""

    library: Library
    truth_writer: TruthWriter
    host: Genome


def split_taxa(genome: Genome) -> dict[str, Genome]:
    """The prepared microbes (contigs named `taxon:contig`) as one genome per taxon."""
    taxa: dict[str, list[tuple[str, Codes]]] = {}
    for name, codes in genome.contigs():
        taxon, _, contig = name.partition(TAXON_MARK)
        taxa.setdefault(taxon, []).append((contig, codes))
    return {taxon: Genome.of(contigs) for taxon, contigs in taxa.items()}


def read_sources(
    host: str, microbes: str, variants: str, parts: str, taxa: Sequence[str], sex: str | None = None
) -> Sources:
    """The host as this individual, then the microbes in the mixture's order.

    Parameters
    ----------
    host, microbes : path
        FASTA as prepared.
    variants, parts : path
        Tables as `make_individual` wrote them.
    taxa : sequence of str
        Microbes of the mixture.
    sex : str, optional
        `female` or `male`: the donor has X, Y and chrM accordingly; without it every contig counts as a pair.
    """
    known = split_taxa(read_fasta(microbes)) if taxa else {}
    return sources_of(
        read_fasta(host),
        pq.read_table(variants).to_pandas(),
        read_spans(parts),
        {t: known[t] for t in taxa},
        sex,
    )


def sources_of(
    genome: Genome, variants: pd.DataFrame, spans: Mapping[str, tuple[int, int]], microbes: Mapping[str, Genome],
    sex: str | None = None,
) -> Sources:  # fmt: skip
    """As `read_sources`, from what is in memory already."""
    views = []
    for copy in (1, 2):
        person = haplotype(genome, variants, f"allele{copy}")
        scaffold = (
            haplotype(genome, variants, f"allele{copy}", large_only=True).genome
            if person.shifted
            else genome
        )
        views.append(View(genome, without_absent(scaffold, genome, sex, copy), person, copy, 0))
    share = known_share(views[0].scaffold, views[1].scaffold) if sex else 0.5
    names, lengths = [f"{name}" for name in genome.names], np.diff(genome.starts).tolist()
    for taxon, part in microbes.items():
        views.append(View(part, part, None, 0, len(names)))
        names += [f"{taxon}\t{name}" for name in part.names]
        lengths += np.diff(part.starts).tolist()
    table = np.zeros((len(names), 2), np.int64)
    for name, span in spans.items():
        table[genome.names.index(name)] = span
    return Sources(
        build(views, share), TruthWriter([HOST, *microbes], names, lengths, table), genome
    )


def read_spans(parts: str) -> dict[str, tuple[int, int]]:
    """Spans of the host that the panel speaks for, as `make_individual` wrote them."""
    table = pq.read_table(parts).to_pandas()
    return {row.contig: (int(row.first), int(row.end)) for row in table.itertuples()}
