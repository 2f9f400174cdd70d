"""A small world of nanopore reads on disk, for the tests of long reads."""

import numpy as np
import pyarrow.parquet as pq
import pysam

from avatarflow.reads import bgzf
from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.simulation.joining import join_shards
from avatarflow.reads.simulation.simulate import simulate_shard
from avatarflow.runs.context import Step

RATES = {"indel_share": 0.3, "indel_mean_bp": 3.0, "homozygous_share": 0.35, "ti_tv": 2.1}
START, END = "AATGTACTTCGTTCAGTTACGTATTGCT", "GCAATACGTAACTGAACGAAGT"
LONG = {
    "length_distribution": "gamma", "mean_bp": 1500, "sd_bp": 1200, "min_bp": 100, "max_bp": 20000, "chimeras": 0.05,
    "junk": 0.05,
    "adapters": {"start": {"share": 0.9, "sequence": START}, "end": {"share": 0.5, "sequence": END}},
}  # fmt: skip
KEYS = ("reads1", "reads2", "bam", "truth")


class LongWorld:
    """A host with a varied person, and a microbe."""

    def __init__(self, folder, root, level=0.02, host_bp=200_000):
        self.folder, self.profile = folder, root / "resources" / "error_profiles" / "nanopore.tsv"
        write_fasta(folder / "host.fa", random_genome("chr1", host_bp, 0.41, 0.2, 1))
        write_fasta(folder / "microbes.fa", random_genome("m:contig", 30_000, 0.5, 0, 1))
        make_individual(
            str(folder / "host.fa"),
            Donor("donor", level, Rates.of(RATES), 1),
            outputs_in(folder / "person"),
            Step.null(),
        )

    def simulate(self, error, reads, shards=1, **changes):
        """Paths of the joined files."""
        files = {
            "host": self.folder / "host.fa",
            "microbes": self.folder / "microbes.fa",
            "profile": self.profile,
        }
        files |= {
            name: self.folder / "person" / f"{name}.parquet" for name in ("variants", "parts")
        }
        files = {name: str(path) for name, path in files.items()}
        settings = {"platform": "nanopore", "pairs": reads, "long": {**LONG, **changes}}
        cell = {"donor": "donor", "error": error, "seeds": {"fragments": 3, "errors": 4}}
        mixture, place = (
            {"host_share": 0.8, "weights": {"m": 1.0}},
            self.folder / f"e{error}_{reads}_{shards}_{len(changes)}",
        )
        parts = []
        for shard in range(shards):
            parts.append({key: str(place / str(shard) / key) for key in KEYS})
            simulate_shard(files, settings, mixture, cell, (shard, shards), parts[-1], Step.null())
        whole = {key: str(place / key) for key in KEYS}
        join_shards({key: [part[key] for part in parts] for key in KEYS}, outputs=whole)
        return whole


def records_of(path):
    """All records of a truth BAM."""
    with pysam.AlignmentFile(str(path), check_sq=False) as bam:
        return list(bam)


def records_in(sources, raw, path):
    """The records of one simulated block."""
    path.write_bytes(sources.truth_writer.header() + bgzf.compress(raw) + bgzf.EOF)
    return records_of(path)


def truth_of(files):
    """The truth table by fragment."""
    return pq.read_table(files["truth"]).to_pandas().set_index("fragment")


def rate_and_error(bad, columns):
    """Ratio of sums over reads with its standard error, reads being independent of each other."""
    bad, columns = np.asarray(bad, float), np.asarray(columns, float)
    ratio = bad.sum() / columns.sum()
    return ratio, np.sqrt(np.sum((bad - ratio * columns) ** 2)) / columns.sum()
