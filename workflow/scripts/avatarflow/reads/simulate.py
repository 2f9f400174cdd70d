"""Paired reads of a mixture as bgzipped FASTQ, with the truth beside them in a table.

Work is cut into blocks of fragments with their own seeds: any number of shards gives the same bytes. Names are
running numbers and sources are drawn fragment by fragment, so neither name nor order tells where a read comes from.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ..paths import replacing
from ..runtime import Step
from ..seeds import generator
from . import bgzf
from .errors import ErrorDraws, ErrorModel, read_profile, sequenced
from .fastq import DIGITS, fastq
from .fragments import Fragments, Layout, Source, draw_fragments, templates
from .genome import Codes, Genome, read_fasta
from .individual import haplotype
from .mixture import HOST, Mixture

BLOCK = 4096
TAXON_MARK = ":"

TRUTH = pa.schema(
    [
        ("fragment", pa.string()), ("source", pa.string()), ("taxon", pa.string()), ("contig", pa.string()),
        ("haplotype", pa.int8()), ("start", pa.int64()), ("end", pa.int64()), ("strand", pa.string()),
        ("part", pa.string()), ("substitutions", pa.int16()),
    ]
)  # fmt: skip


class Simulator:
    """All that is constant over the blocks of one cell of the grid.

    Parameters
    ----------
    sources : sequence of Source
        The host first.
    mixture : Mixture
    layout : Layout
    model : ErrorModel
    error : float
        Errors per base.
    seeds : mapping
        `fragments` and `errors`.
    donor : str
        Donors of one seed get different fragments.
    spans : mapping
        Host contig to the 0-based span that a panel speaks for; it is told in the truth as `part`.
    """

    def __init__(
        self, sources: Sequence[Source], mixture: Mixture, layout: Layout, model: ErrorModel, error: float,
        seeds: Mapping[str, int], donor: str, spans: Mapping[str, tuple[int, int]],
    ) -> None:  # fmt: skip
        self.sources, self.mixture, self.layout = sources, mixture, layout
        self.model, self.error, self.seeds, self.spans = model, error, seeds, spans
        self.donor = zlib.crc32(donor.encode())

    def block(self, number: int, count: int) -> tuple[bytes, bytes, pa.Table]:
        """FASTQ text of both mates, and the truth, of one block of `count` fragments.

        A short last block draws as many numbers as a full one, so that asking for more pairs only adds pairs.
        """
        drawn = draw_fragments(
            generator(self.seeds["fragments"], "fragments", self.donor, number),
            BLOCK,
            self.sources,
            self.mixture,
            self.layout,
        )
        draws = ErrorDraws.draw(
            generator(self.seeds["errors"], "errors", self.donor, number), BLOCK, self.layout.length_bp
        )
        fragments = Fragments(*(getattr(drawn, name)[:count] for name in Fragments.__dataclass_fields__))
        draws = ErrorDraws(draws.uniform[:count], draws.step[:count], draws.wobble[:count])
        template = templates(fragments, self.sources, self.layout.length_bp)
        bases, qualities, wrong = sequenced(template, draws, self.model, self.error)
        first = number * BLOCK
        mates = (fastq(first, bases[:, mate], qualities[:, mate]) for mate in (0, 1))
        return *mates, self._truth(first, fragments, wrong.sum((1, 2)))

    def _truth(self, first: int, fragments: Fragments, substitutions: npt.NDArray[np.int64]) -> pa.Table:
        host = fragments.source == 0
        taxa = np.array([source.taxon for source in self.sources])
        contig = np.empty(len(host), object)
        for number, source in enumerate(self.sources):
            rows = fragments.source == number
            contig[rows] = np.array(source.genome.names, object)[fragments.contig[rows]]
        names = [f"r{first + row:0{DIGITS}d}" for row in range(len(host))]
        columns = [
            names,
            np.where(host, HOST, "microbe"),
            taxa[fragments.source],
            contig,
            np.where(host, fragments.haplotype + 1, 0),
            fragments.start,
            fragments.end,
            np.where(fragments.reverse, "-", "+"),
            self._part(host, contig, fragments),
            substitutions,
        ]
        return pa.table(
            [pa.array(column, kind) for column, kind in zip(columns, TRUTH.types, strict=True)], schema=TRUTH
        )

    def _part(self, host: npt.NDArray[np.bool_], contig: npt.NDArray[Any], fragments: Fragments) -> npt.NDArray[Any]:
        """`panel` where the fragment's middle lies in the panel's span, `rates` elsewhere in the host, else empty."""
        middle = (fragments.start + fragments.end) // 2
        part = np.where(host, "rates", "")
        for name, (start, end) in self.spans.items():
            part[host & (contig == name) & (middle >= start) & (middle < end)] = "panel"
        return part


def split_taxa(genome: Genome) -> dict[str, Genome]:
    """The prepared microbes (contigs named `taxon:contig`) as one genome per taxon."""
    taxa: dict[str, list[tuple[str, Codes]]] = {}
    for name, codes in genome.contigs():
        taxon, _, contig = name.partition(TAXON_MARK)
        taxa.setdefault(taxon, []).append((contig, codes))
    return {taxon: Genome.of(contigs) for taxon, contigs in taxa.items()}


def read_sources(host: str, microbes: str, variants: str, taxa: Sequence[str]) -> list[Source]:
    """The host as this individual, then the microbes in the mixture's order."""
    genome = read_fasta(host)
    table = pq.read_table(variants).to_pandas()
    haplotypes = [haplotype(genome, table, allele) for allele in ("allele1", "allele2")]
    known = split_taxa(read_fasta(microbes)) if taxa else {}
    return [Source(HOST, genome, haplotypes), *(Source(taxon, known[taxon]) for taxon in taxa)]


def read_spans(parts: str) -> dict[str, tuple[int, int]]:
    """Spans of the host that the panel speaks for, as `make_individual` wrote them."""
    table = pq.read_table(parts).to_pandas()
    return {row.contig: (int(row.first), int(row.end)) for row in table.itertuples()}


def blocks_of(pairs: int, shard: int, shards: int) -> Iterator[tuple[int, int]]:
    """Block numbers and sizes that belong to one shard (0-based) of `shards`."""
    total = -(-pairs // BLOCK)
    for number in range(shard * total // shards, (shard + 1) * total // shards):
        yield number, min(BLOCK, pairs - number * BLOCK)


def simulate_shard(
    genomes: Mapping[str, str], reads: Mapping[str, Any], mixture: Mapping[str, Any], cell: Mapping[str, Any],
    shard: tuple[int, int], outputs: Mapping[str, str], step: Step,
) -> None:  # fmt: skip
    """Simulate one shard and write it.

    Parameters
    ----------
    genomes : mapping
        Paths: `host`, `microbes`, `variants`, `parts`, `profile`.
    reads : mapping
        The config's `reads`.
    mixture : mapping
        `host_share` and `weights` (taxon to weight).
    cell : mapping
        `donor`, `error`, `seeds`.
    shard : (int, int)
        Which (0-based) of how many.
    outputs : mapping
        Paths: `reads1`, `reads2` (BGZF without the end marker), `truth` (Parquet).
    step : Step
    """
    mix = Mixture.of(mixture["host_share"], mixture["weights"])
    sources = read_sources(genomes["host"], genomes["microbes"], genomes["variants"], mix.taxa[1:])
    layout, model = Layout.of(reads), read_profile(genomes["profile"], reads["length_bp"])
    model.probabilities(cell["error"])
    spans = read_spans(genomes["parts"])
    simulator = Simulator(sources, mix, layout, model, cell["error"], cell["seeds"], cell["donor"], spans)
    todo = list(blocks_of(reads["pairs"], *shard))
    with (
        replacing(outputs["reads1"]) as one, replacing(outputs["reads2"]) as two, replacing(outputs["truth"]) as told,
        one.open("wb") as first, two.open("wb") as second, pq.ParquetWriter(told, TRUTH, compression="zstd") as truth,
    ):  # fmt: skip
        for done, (number, count) in enumerate(todo, start=1):
            text1, text2, table = simulator.block(number, count)
            first.write(bgzf.compress(text1))
            second.write(bgzf.compress(text2))
            truth.write_table(table)
            step.progress(done, len(todo), "blocks")
