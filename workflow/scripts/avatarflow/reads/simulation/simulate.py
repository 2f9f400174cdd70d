"""Reads of a mixture as bgzipped FASTQ, with the truth beside them: a BAM of every read, a table of every fragment.

Fragments and reads have their own random numbers, and files are cut into blocks of a fixed number of fragments: any
number of shards gives the same bytes. Names are running numbers and sources are drawn fragment by fragment, so neither
name nor order tells where a read comes from.
"""

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from avatarflow.core.paths import replacing
from avatarflow.core.seeds import integer
from avatarflow.reads import bgzf
from avatarflow.reads.simulation.illumina.blocks import Buffers, Counts, Machine, read_block
from avatarflow.reads.simulation.illumina.errors import read_profile
from avatarflow.reads.simulation.nanopore.blocks import LongSimulator
from avatarflow.reads.simulation.nanopore.errors import LongModel, read_long_profile
from avatarflow.reads.simulation.nanopore.fragments import LongLayout
from avatarflow.reads.simulation.sequencer import Tables
from avatarflow.runs.context import Step

from .composition import composed
from .fragments import Layout, draw_fragments, fragment_key
from .mixture import Mixture
from .sequencer import Scratch
from .sources import Sources, read_sources
from .truth import TRUTH

BLOCK = 4096


class Simulator:
    """All that is constant over the blocks of one cell of the grid.

    Parameters
    ----------
    sources : Sources
    mixture : Mixture
    layout : Layout
    tables : Tables
        The error model's, at a rate of substitutions and a ratio of indels.
    seeds : mapping
        `fragments` and `errors`.
    donor : str
        Donors of one seed get different fragments.
    """

    block_size = BLOCK

    def __init__(
        self,
        sources: Sources,
        mixture: Mixture,
        layout: Layout,
        tables: Tables,
        seeds: Mapping[str, int],
        donor: str,
    ) -> None:
        self.sources, self.mixture, self.layout = sources, mixture, layout
        person = zlib.crc32(donor.encode())
        self.fragments_key = fragment_key(seeds["fragments"], person)
        errors_key = np.uint64(integer(seeds["errors"], "errors", person))
        self.machine = Machine(sources.library, tables, errors_key)
        mates = 1 if layout.single else 2
        self.scratch = Scratch.for_mates(layout.length_bp, mates)
        self.buffers = Buffers.of(BLOCK, layout.length_bp, mates)

    def block(self, number: int, count: int) -> tuple[memoryview, memoryview, memoryview, pa.Table]:
        """FASTQ text of both mates, truth records and truth table of one block; valid until the next block."""
        first, library = number * BLOCK, self.sources.library
        fragments = draw_fragments(
            self.fragments_key, first, count, library, self.mixture, self.layout
        )
        counts = Counts.of(count)
        read_block(self.machine, fragments, first, self.scratch, self.buffers, counts)
        *texts, ends = self.buffers
        one, two, truth = (
            memoryview(part[:end].data) for part, end in zip(texts, ends, strict=True)
        )
        return one, two, truth, self.sources.truth_writer.table(first, fragments, library, counts)


def blocks_of(
    fragments: int, shard: int, shards: int, size: int = BLOCK
) -> Iterator[tuple[int, int]]:
    """Block numbers and sizes that belong to one shard (0-based) of `shards`."""
    total = -(-fragments // size)
    for number in range(shard * total // shards, (shard + 1) * total // shards):
        yield number, min(size, fragments - number * size)


def simulator_of(
    genomes: Mapping[str, str],
    reads: Mapping[str, Any],
    mixture: Mapping[str, Any],
    cell: Mapping[str, Any],
) -> tuple[Simulator | LongSimulator, int]:
    """The simulator of the configured platform, and how many fragments there are; parameters as `simulate_shard`."""
    long = reads.get("platform", "illumina") == "nanopore"
    model = (
        read_long_profile(genomes["profile"])
        if long
        else read_profile(genomes["profile"], reads["length_bp"])
    )
    model.check(cell["error"])  # before the genomes are read
    files = {name: genomes[name] for name in ("host", "microbes", "variants", "parts")}
    sources = read_sources(**files, taxa=[*mixture["weights"]], sex=cell.get("sex"))
    mix, count = composed(
        mixture, reads, sources.library, cell["seeds"]["fragments"], cell["donor"]
    )
    if isinstance(model, LongModel):
        layout = LongLayout.of(reads)
        return LongSimulator(
            sources, mix, layout, model, cell["error"], cell["seeds"], cell["donor"]
        ), count
    tables = model.tables(cell["error"], reads.get("indel_ratio", 0.0))
    short = Simulator(sources, mix, Layout.of(reads), tables, cell["seeds"], cell["donor"])
    return short, count


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
        See `composition.composed`.
    cell : mapping
        `donor`, `error`, `seeds`, and `sex` where it is known.
    shard : (int, int)
        Which (0-based) of how many.
    outputs : mapping
        Paths: `reads1`, `reads2`, `bam` (BGZF without the end marker; the BAM's header is in the first shard),
        `truth` (Parquet).
    step : Step
    """
    simulator, fragments = simulator_of(genomes, reads, mixture, cell)
    todo = list(blocks_of(fragments, *shard, simulator.block_size))
    with (
        replacing(outputs["reads1"]) as one, replacing(outputs["reads2"]) as two, replacing(outputs["bam"]) as aligned,
        replacing(outputs["truth"]) as told, one.open("wb") as first, two.open("wb") as second,
        aligned.open("wb") as records, pq.ParquetWriter(told, TRUTH, compression="zstd") as truth,
    ):  # fmt: skip
        if shard[0] == 0:
            records.write(simulator.sources.truth_writer.header())
        for done, (number, count) in enumerate(todo, start=1):
            one_text, two_text, raw, table = simulator.block(number, count)
            for file, text in ((first, one_text), (second, two_text), (records, raw)):
                file.write(bgzf.compress(text))
            truth.write_table(table)
            step.progress(done, len(todo), "blocks")
