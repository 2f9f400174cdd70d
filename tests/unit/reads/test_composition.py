"""Who is in a sample: depths, spike-ins, and names and order that tell nothing."""

import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pysam
import pytest

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import Genome, N, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.simulation.composition import composed
from avatarflow.reads.simulation.joining import join_shards
from avatarflow.reads.simulation.simulate import simulate_shard
from avatarflow.reads.simulation.sources import read_sources
from avatarflow.runs.context import Step

KEYS = ("reads1", "reads2", "bam", "truth")
RATES = {"indel_share": 0.1, "indel_mean_bp": 2.5, "homozygous_share": 0.35, "ti_tv": 2.1}
READS = {"pairs": 5000, "length_bp": 100, "fragment_mean_bp": 300.0, "fragment_sd_bp": 40.0}
END = {"share": 0.5, "sequence": "ACGTACGT"}
LONG = {
    "platform": "nanopore", "pairs": 600,
    "long": {"length_distribution": "gamma", "mean_bp": 1000, "sd_bp": 400, "min_bp": 200, "max_bp": 3000,
             "chimeras": 0.05, "junk": 0.3, "adapters": {"start": END, "end": END}},
}  # fmt: skip
SHARES = {"host_share": 0.5, "weights": {"a": 1.0, "b": 0.0}}
KNOWN_BP = {"human": 50_000, "a": 40_000, "b": 30_000}


@pytest.fixture(scope="module")
def world(tmp_path_factory, root):
    folder = tmp_path_factory.mktemp("world")
    host = random_genome("chr1", 60_000, 0.41, 0.0, 1).codes.copy()
    host[20_000:30_000] = N
    write_fasta(folder / "host.fa", Genome.of([("chr1", host)]))
    contigs = [
        (f"{name}:c", random_genome(name, KNOWN_BP[name], 0.5, 0.0, 1).codes) for name in "ab"
    ]
    write_fasta(folder / "microbes.fa", Genome.of(contigs))
    make_individual(
        str(folder / "host.fa"),
        Donor("d", 0.001, Rates.of(RATES), 1),
        outputs_in(folder / "person"),
        Step.null(),
    )
    profiles = root / "resources" / "error_profiles"
    return folder, {
        "illumina": str(profiles / "flat.tsv"),
        "nanopore": str(profiles / "nanopore.tsv"),
    }


def simulate(world, place, mixture, reads=READS, shards=1):
    folder, profiles = world
    files = {"host": folder / "host.fa", "microbes": folder / "microbes.fa"}
    files |= {name: folder / "person" / f"{name}.parquet" for name in ("variants", "parts")}
    files = {name: str(path) for name, path in files.items()}
    files["profile"] = profiles[reads.get("platform", "illumina")]
    cell, parts = {"donor": "d", "error": 0.05, "seeds": {"fragments": 1, "errors": 1}}, []
    for shard in range(shards):
        parts.append({key: str(place / f"{shards}.{shard}.{key}") for key in KEYS})
        simulate_shard(files, reads, mixture, cell, (shard, shards), parts[-1], Step.null())
    whole = {key: str(place / f"{shards}.{key}") for key in KEYS}
    join_shards({key: [part[key] for part in parts] for key in KEYS}, outputs=whole)
    return whole, pq.read_table(whole["truth"]).to_pandas()


@pytest.mark.parametrize(("ends", "bases"), [("pairs", 200), ("single", 100)])
def test_depth_is_coverage_of_the_known_bases(world, tmp_path, ends, bases):
    depths = {"host": 8.0, "microbes": {"a": 12.0}}
    _, truth = simulate(world, tmp_path, {**SHARES, "depths": depths}, {**READS, "ends": ends})
    counts = truth["taxon"].value_counts()
    assert set(counts.index) == {"human", "a"}
    expected = {"human": 8 * KNOWN_BP["human"] / bases, "a": 12 * KNOWN_BP["a"] / bases}
    assert len(truth) == pytest.approx(sum(expected.values()), rel=0.002)  # the person has indels
    share = expected["human"] / len(truth)
    assert counts["human"] == pytest.approx(
        expected["human"], abs=4 * np.sqrt(len(truth) * share * (1 - share))
    )


def test_depth_of_long_reads_is_coverage_too(world, tmp_path):
    files, truth = simulate(
        world, tmp_path, {**SHARES, "depths": {"host": 40.0, "microbes": {}}}, LONG
    )
    with pysam.AlignmentFile(files["bam"], check_sq=False) as bam:
        bases = sum(record.reference_length or 0 for record in bam)
    # lengths vary by about half their mean
    spread = 40 * KNOWN_BP["human"] * 0.5 / np.sqrt(len(truth))
    assert bases == pytest.approx(40 * KNOWN_BP["human"], abs=4 * spread + 0.04 * bases)


def test_spike_ins_are_exact_anywhere_and_move_nobody_else(world, tmp_path):
    spikes = {"human": 40, "b": 700}
    _, plain = simulate(world, tmp_path, {**SHARES, "host_share": 0.0})
    files, spiked = simulate(world, tmp_path, {**SHARES, "host_share": 0.0, "spike_ins": spikes})
    assert spiked["taxon"].value_counts().to_dict() == {"a": 5000, "b": 700, "human": 40}
    number = np.flatnonzero(spiked["taxon"] == "b")
    assert 0.45 < number.mean() / len(spiked) < 0.55
    assert number.std() / len(spiked) == pytest.approx(np.sqrt(1 / 12), rel=0.1)
    other = (spiked["taxon"] == "a").to_numpy()[: len(plain)]
    columns = ["fragment", "taxon", "start", "end", "strand", "substitutions"]
    assert spiked[columns][: len(plain)][other].equals(plain[columns][other])
    again, _ = simulate(
        world, tmp_path, {**SHARES, "host_share": 0.0, "spike_ins": spikes}, shards=3
    )
    for key in KEYS:
        assert Path(again[key]).read_bytes() == Path(files[key]).read_bytes()


def test_spiked_long_reads_are_plain_and_counted(world, tmp_path):
    mixture = {**SHARES, "host_share": 0.0}
    _, truth = simulate(world, tmp_path, {**mixture, "spike_ins": {"human": 55, "b": 20}}, LONG)
    assert len(truth) == 675
    counts = truth.groupby(["taxon", "kind"]).size()
    assert (counts["human", "plain"], counts["b", "plain"]) == (55, 20)
    assert counts["junk", "junk"] > 100
    assert ("human", "chimera") not in counts  # nobody else is human here


def test_names_and_order_tell_nothing(world, tmp_path):
    files, truth = simulate(world, tmp_path, {**SHARES, "spike_ins": {"human": 300}})
    names = []
    for mate in (1, 2):
        with pysam.FastxFile(files[f"reads{mate}"]) as reads:
            entries = [(read.name, read.comment) for read in reads]
        assert not any(comment for _, comment in entries)
        names.append([name for name, _ in entries])
    assert (
        names[0]
        == names[1]
        == truth["fragment"].tolist()
        == [f"r{i:09d}" for i in range(len(truth))]
    )
    assert all(re.fullmatch(r"r\d{9}", name) for name in names[0])
    human = (truth["source"] == "human").to_numpy()
    runs = 1 + (human[1:] != human[:-1]).sum()  # Wald and Wolfowitz 1940
    n, k = len(human), human.sum()
    mean = 1 + 2 * k * (n - k) / n
    assert abs(runs - mean) < 4 * np.sqrt((mean - 1) * (mean - 2) / (n - 1))
    assert abs(np.flatnonzero(human).mean() - n / 2) < 4 * n / np.sqrt(12 * k)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"spike_ins": {"microbe9": 3}},
            "spike_ins: unknown microbe9; take human or some of microbe1",
        ),
        ({"depths": {}}, "depths: no depth above 0"),
        (
            {"depths": {"host": 1, "microbes": {"x": 2}}},
            "depths.microbes: unknown x; take some of microbe1",
        ),
        (
            {"microbes": {"genomes": {"m": {"fasta": "m.fa", "weight": 0}}}},
            "genomes: every weight is 0",
        ),
    ],
)
def test_refuses_samples_of_nobody_and_of_unknown_ones(entry, message):
    with pytest.raises(AvatarflowError, match=message):
        load({"read_benchmarks": {"b": entry}})


def test_a_sample_may_be_spike_ins_alone_beside_a_weight_of_nothing(world):
    folder, _ = world
    files = {"host": folder / "host.fa", "microbes": folder / "microbes.fa"}
    files |= {name: folder / "person" / f"{name}.parquet" for name in ("variants", "parts")}
    sources = read_sources(**{name: str(path) for name, path in files.items()}, taxa=["a", "b"])
    nobody = {"host_share": 1.0, "weights": {"a": 0.0, "b": 0.0}}
    mix, count = composed({**nobody, "spike_ins": {"b": 5}}, READS, sources.library, 1, "d")
    assert (mix.shares, count, len(mix.spiked)) == ((1.0, 0.0, 0.0), 5005, 5)
    with pytest.raises(AvatarflowError, match="spike_ins: unknown z; take some of human, a, b"):
        composed({**nobody, "spike_ins": {"z": 5}}, READS, sources.library, 1, "d")
