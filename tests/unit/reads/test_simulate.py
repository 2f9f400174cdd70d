"""Reads: equal bytes for any number of shards, equal fragments over the grid, neutral names."""

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pysam
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import Genome, N
from avatarflow.reads.genomes.prepare import prepare_genomes
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.simulation.fragments import Layout, draw_fragments, source_of
from avatarflow.reads.simulation.joining import join_shards
from avatarflow.reads.simulation.library import View, build
from avatarflow.reads.simulation.mixture import Mixture
from avatarflow.reads.simulation.simulate import simulate_shard
from avatarflow.runs.context import Step

PAIRS = 9000  # three blocks, the last one short
REFERENCE = {"fasta": None, "region": None, "generated_bp": 60_000}
GENERATED = {"count": 2, "length_bp": 20_000}
READS = {"pairs": PAIRS, "length_bp": 100, "fragment_mean_bp": 300.0, "fragment_sd_bp": 40.0}
KEYS = ("reads1", "reads2", "bam", "truth")
PLACES = ["fragment", "source", "taxon", "contig", "haplotype", "start", "end", "strand", "part"]
MIXTURE = {"host_share": 0.5, "weights": {"microbe1": 1.0, "microbe2": 3.0}}


class World:
    """One made-up world on disk, simulated at any cell."""

    def __init__(self, folder, root):
        self.folder = folder
        self.genomes = {
            "host": f"{folder}/host.fa",
            "microbes": f"{folder}/microbes.fa",
            "profile": str(root / "resources" / "error_profiles" / "illumina.tsv"),
        }
        host, microbes = self.genomes["host"], self.genomes["microbes"]
        prepare_genomes(REFERENCE, {}, GENERATED, 1, host, microbes, Step.null())

    def simulate(self, error, variation, shards=1, seeds=(1, 1), pairs=PAIRS):
        """Paths of reads and truth."""
        place = self.folder / f"e{error}_v{variation}_{shards}_{seeds}_{pairs}"
        person = self.folder / f"v{variation}"
        if not person.exists():
            rates = {
                "indel_share": 0.1,
                "indel_mean_bp": 2.5,
                "homozygous_share": 0.35,
                "ti_tv": 2.1,
            }
            make_individual(
                self.genomes["host"],
                Donor("donor", variation, Rates.of(rates), 1),
                outputs_in(person),
                Step.null(),
            )
        genomes = {
            **self.genomes,
            "variants": f"{person}/variants.parquet",
            "parts": f"{person}/parts.parquet",
        }
        cell = {
            "donor": "donor",
            "error": error,
            "seeds": {"fragments": seeds[0], "errors": seeds[1]},
        }
        parts = []
        for shard in range(shards):
            parts.append({key: str(place / str(shard) / key) for key in KEYS})
            reads = {**READS, "pairs": pairs}
            simulate_shard(genomes, reads, MIXTURE, cell, (shard, shards), parts[-1], Step.null())
        whole = {key: str(place / key) for key in parts[0]}
        join_shards({key: [part[key] for part in parts] for key in KEYS}, outputs=whole)
        return whole


@pytest.fixture(scope="module")
def world(tmp_path_factory, root):
    return World(tmp_path_factory.mktemp("world"), root)


def truth(files):
    return pq.read_table(files["truth"]).to_pandas()


def test_one_and_three_shards_give_equal_bytes_and_the_golden_ones(world, root):
    one, three = (world.simulate(0.01, 0.01, shards) for shards in (1, 3))
    digests = {}
    for key in one:
        data = [Path(files[key]).read_bytes() for files in (one, three)]
        assert data[0] == data[1], key
        digests[key] = hashlib.sha256(
            gzip.decompress(data[0]) if key != "truth" else truth(one).to_csv().encode()
        ).hexdigest()
    golden = root / "tests" / "golden" / "reads.json"
    assert digests == json.loads(golden.read_text()), (
        "reads changed: say so in the changelog and renew tests/golden/reads.json"
    )


def test_fastq_is_valid_bgzf_with_mates_in_step_and_neutral_names(world):
    files = world.simulate(0.01, 0.01)
    names = []
    for mate in (1, 2):
        with pysam.FastxFile(files[f"reads{mate}"]) as reads:
            records = list(reads)
        assert all(len(record.sequence) == len(record.quality) == 100 for record in records)
        names.append([record.name for record in records])
    assert (
        names[0]
        == names[1]
        == truth(files)["fragment"].tolist()
        == [f"r{i:09d}" for i in range(PAIRS)]
    )
    source = (truth(files)["source"] == "human").to_numpy(float)
    assert abs(np.corrcoef(np.arange(PAIRS), source)[0, 1]) < 0.05


def test_fragments_are_identical_over_the_grid(world):
    cells = [
        truth(world.simulate(error, variation))
        for error in (0.001, 0.06)
        for variation in (0.0, 0.01)
    ]
    for cell in cells[1:]:
        pd.testing.assert_frame_equal(cell[PLACES], cells[0][PLACES])


def test_errors_do_not_move_when_variation_does(world):
    counts = [truth(world.simulate(0.03, variation))["substitutions"] for variation in (0.0, 0.01)]
    assert (counts[0] == counts[1]).all()


def test_seeds_move_one_thing_each(world):
    base, other = truth(world.simulate(0.01, 0.01)), truth(world.simulate(0.01, 0.01, seeds=(1, 2)))
    assert (base["start"] == other["start"]).all()
    assert (base["substitutions"] != other["substitutions"]).any()
    assert (base["start"] != truth(world.simulate(0.01, 0.01, seeds=(2, 1)))["start"]).any()


def test_asking_for_more_pairs_only_adds_pairs(world):
    few, many = (
        gzip.decompress(Path(world.simulate(0.01, 0.01, pairs=pairs)["reads1"]).read_bytes())
        for pairs in (5000, PAIRS)
    )
    assert many.startswith(few)


def test_composition_is_as_asked(world):
    shares = truth(world.simulate(0.01, 0.01))["taxon"].value_counts(normalize=True)
    for taxon, share in {"human": 0.5, "microbe1": 0.125, "microbe2": 0.375}.items():
        assert shares[taxon] == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / PAIRS))


def drawn(codes, count=2000, key=1, **layout):
    genome = Genome.of([("a", codes), ("b", codes[:700])])
    library = build([View(genome, genome, None, 0, 0)] * 2)  # a host has two haplotypes
    mixture, layout = Mixture.of(1.0, {}), Layout(100, 300.0, 0.0, **layout)
    return draw_fragments(np.uint64(key), 0, count, library, mixture, layout), library


def test_no_fragment_on_unknown_bases_or_over_a_contig_end():
    codes = random_genome("a", 5000, 0.5, 0, 1).codes.copy()
    codes[1000:3000] = N
    fragments, library = drawn(codes)
    start, first = fragments.start, library.target[fragments.contig] == 0
    assert (start[~first] <= 400).all()
    assert ((start[first] <= 700) | (start[first] >= 3000)).all()
    assert (start[first] <= 4700).all()
    assert (fragments.end - start == 300).all()
    # places are uniform: 701 + 1701 on the first contig, 401 on the second
    assert first.mean() == pytest.approx(2402 / 2803, abs=0.03)


def test_refuses_fragments_that_fit_nowhere():
    with pytest.raises(AvatarflowError, match="no room for a fragment of 300 bases"):
        drawn(np.zeros(200, np.uint8), 5)


def test_law_of_gc_prefers_its_optimum():
    # GC 0, then .5
    codes = np.concatenate([np.zeros(20_000, np.uint8), np.tile([0, 1], 10_000)]).astype(np.uint8)
    flat, _ = drawn(codes)
    bent, _ = drawn(codes, gc_optimum=0.5, gc_strength=0.5)
    assert (flat.start > 20_000).mean() == pytest.approx(0.49, abs=0.04)
    assert (bent.start > 20_000).mean() == pytest.approx(1 / (1 + np.exp(-2.0)), abs=0.04)


@pytest.mark.parametrize("law", ["normal", "lognormal"])
def test_fragment_lengths_follow_their_law(law):
    codes = random_genome("a", 50_000, 0.5, 0, 1).codes
    genome = Genome.of([("a", codes)])
    layout = Layout(50, 400.0, 60.0, fragment_distribution=law)
    library = build([View(genome, genome, None, 0, 0)] * 2)
    fragments = draw_fragments(np.uint64(5), 0, 4000, library, Mixture.of(1.0, {}), layout)
    size = fragments.end - fragments.start
    assert size.mean() == pytest.approx(400, abs=4)
    assert size.std() == pytest.approx(60, rel=0.06)
    assert (((size - 400.0) ** 3).mean() / 60**3 > 0.2) == (law == "lognormal")


def test_mixture_without_microbes_is_all_human():
    assert Mixture.of(0.3, {}).shares == (1.0,)
    borders = np.cumsum(Mixture.of(0.5, {"a": 1, "b": 3}).shares)
    assert [source_of(u, borders) for u in (0.0, 0.49, 0.5, 0.63, 0.99)] == [0, 0, 1, 2, 2]
