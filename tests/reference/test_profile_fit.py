"""Fitting a profile from alignments of our own simulator gives back the rates that they were made with."""

import json

import numpy as np
import pysam
import pytest
from long_world import KEYS, RATES, LongWorld

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import read_fasta, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.profiles.alignment_columns import aligned_columns
from avatarflow.reads.profiles.counts import homopolymer_law, rates
from avatarflow.reads.profiles.fit import error_by_quality, fit_profile, observed, quality_bins
from avatarflow.reads.simulation.illumina.errors import read_profile
from avatarflow.reads.simulation.joining import join_shards
from avatarflow.reads.simulation.nanopore.errors import read_long_profile, run_shares
from avatarflow.reads.simulation.simulate import simulate_shard
from avatarflow.runs.context import Step

ERROR, RATE, RATIO, LENGTH = 0.08, 0.01, 0.1, 100


@pytest.fixture(scope="module")
def long(tmp_path_factory, root):
    """Reads without variation of the person, what was found in them, and the model that they were made with."""
    world = LongWorld(tmp_path_factory.mktemp("fit"), root, level=0.0)
    bam = world.simulate(ERROR, 1500, chimeras=0.0, junk=0.0)["bam"]
    reference = world.folder / "both.fa"
    reference.write_text(
        "".join((world.folder / name).read_text() for name in ("host.fa", "microbes.fa"))
    )
    out = world.folder / "profile.tsv", world.folder / "profile.json"
    fit_profile(bam, str(reference), "nanopore", *map(str, out), Step.null())
    return world, str(reference), bam, read_long_profile(world.profile), out


def test_a_nanopore_fit_recovers_the_rates(long):
    world, _, _, model, (profile, summary) = long
    fitted, found = read_long_profile(profile), json.loads(summary.read_text())["found"]
    assert fitted.error == pytest.approx(ERROR, rel=0.03)  # 3 standard errors of 1,500 reads
    assert fitted.shares == pytest.approx(model.shares, abs=0.01)
    assert fitted.means_bp == pytest.approx(model.means_bp, abs=0.08)
    assert fitted.read_spread == pytest.approx(model.classes().std(), abs=0.05)
    assert fitted.relative_error == pytest.approx(model.relative_error, rel=0.1, abs=0.02)
    host = read_fasta(world.folder / "host.fa")
    runs = run_shares(host.codes, host.starts)
    chances = model.chances(model.solved(ERROR, runs), runs)
    for law, ours, size in (
        (fitted.insertion_at, chances[1], 5),
        (fitted.deletion_at, chances[2], 6),
    ):
        expected = ours.mean((0, 2))
        assert law[:size] == pytest.approx((expected / expected[0])[:size], rel=0.15)
    assert found["length_mean_bp"] == pytest.approx(1500, rel=0.07)
    assert found["length_sd_bp"] == pytest.approx(1200, rel=0.12)


def test_a_fitted_profile_simulates_the_same_again(long):
    """The circle closes: reads made with the fitted profile have qualities and kinds of errors like those."""
    world, reference, bam, _, (profile, _) = long
    first, _ = observed(bam, reference)
    again = LongWorld.__new__(LongWorld)
    again.folder, again.profile = world.folder, profile
    second, _ = observed(again.simulate(ERROR, 1000, chimeras=0.0, junk=0.0)["bam"], reference)
    one, two = rates(first), rates(second)
    for name in (
        "error",
        "substitutions",
        "insertions",
        "deletions",
        "insertion_mean_bp",
        "deletion_mean_bp",
    ):
        assert two[name] == pytest.approx(one[name], rel=0.06), name
    share = [
        np.cumsum(found.by_quality[0] / found.by_quality[0].sum()) for found in (first, second)
    ]
    assert np.abs(share[0] - share[1]).max() < 0.08


@pytest.fixture(scope="module")
def short(tmp_path_factory, root):
    folder = tmp_path_factory.mktemp("short")
    write_fasta(folder / "host.fa", random_genome("chr1", 60_000, 0.41, 0.2, 1))
    write_fasta(folder / "microbes.fa", random_genome("m:contig", 20_000, 0.5, 0, 1))
    make_individual(
        str(folder / "host.fa"),
        Donor("donor", 0.002, Rates.of({**RATES, "indel_share": 0.0}), 1),
        outputs_in(folder / "person"),
        Step.null(),
    )
    return folder, root / "resources" / "error_profiles" / "illumina.tsv"


def pairs(folder, profile, rate, ratio):
    files = {name: str(folder / f"{name}.fa") for name in ("host", "microbes")} | {
        "profile": str(profile)
    }
    files |= {name: str(folder / "person" / f"{name}.parquet") for name in ("variants", "parts")}
    reads = {
        "pairs": 8000,
        "length_bp": LENGTH,
        "fragment_mean_bp": 250.0,
        "fragment_sd_bp": 30.0,
        "indel_ratio": ratio,
    }
    cell = {"donor": "donor", "error": rate, "seeds": {"fragments": 3, "errors": 4}}
    out = {key: str(folder / f"{profile.stem}{rate}{key}") for key in KEYS}
    simulate_shard(files, reads, {"host_share": 1.0, "weights": {}}, cell, (0, 1), out, Step.null())
    join_shards({key: [path] for key, path in out.items()}, outputs=out)
    return out["bam"]


def test_an_illumina_fit_recovers_cycles_qualities_and_indels(short, tmp_path):
    folder, profile = short
    bam, model = pairs(folder, profile, RATE, RATIO), read_profile(profile, LENGTH)
    out = str(tmp_path / "profile.tsv"), str(tmp_path / "profile.json")
    fit_profile(bam, str(folder / "host.fa"), "illumina", *out, Step.null())
    settings = json.loads((tmp_path / "profile.json").read_text())["reads"]
    # the person's variants are masked: depth is 27
    assert settings["error"][0] == pytest.approx(RATE, rel=0.03)
    assert settings["indel_ratio"] == pytest.approx(RATIO, rel=0.2)
    fitted = read_profile(tmp_path / "profile.tsv", LENGTH)
    thirds = [
        (slice(0, 5), 0.2),
        (slice(5, 50), 0.08),
        (slice(50, 95), 0.08),
        (slice(95, 100), 0.15),
    ]
    for mate in range(2):
        for part, slack in thirds:
            assert fitted.shape[mate, part].mean() == pytest.approx(
                model.shape[mate, part].mean(), rel=slack
            )
    expected, found = model.qualities(RATE).astype(float), fitted.qualities(RATE).astype(float)
    assert (
        np.abs(np.sort(expected.mean((0, 1)))[::-1] - np.sort(found.mean((0, 1)))[::-1]).max() < 1.0
    )
    assert (np.diff(np.sort(fitted.factors.mean((0, 1)))) > 0).all()
    worse = fitted.qualities(10 * RATE).astype(float) - found
    assert np.median(worse) == -10  # ten times the errors: ten phred less


def test_md_tags_tell_what_the_reference_would(short, tmp_path):
    folder, profile = short
    bam, marked = pairs(folder, profile, RATE, RATIO), tmp_path / "md.bam"
    marked.write_bytes(pysam.calmd("-b", bam, str(folder / "host.fa")))
    named = list(aligned_columns(bam, read_fasta(folder / "host.fa"), 500))
    told = list(aligned_columns(marked, None, 500))
    for one, two in zip(named, told, strict=True):
        assert (one.kind == two.kind).all()
        assert (one.at == two.at).all()
    with pytest.raises(AvatarflowError, match="reads without MD; name the reference"):
        list(aligned_columns(bam, None, 5))


def test_bins_of_quality_are_equally_likely_and_pool_what_rises():
    counts = np.zeros(64, np.int64)
    counts[[10, 30]] = 40, 60
    curve = np.linspace(0.5, 0.0, 64)
    phred, relative = quality_bins(counts, curve)
    assert phred.tolist() == pytest.approx([10, 10, 30, 30, 30])
    assert relative.mean() == pytest.approx(1)
    assert relative[0] / relative[-1] == pytest.approx(curve[10] / curve[30])

    class Found:
        by_quality = np.zeros((2, 64), np.int64)

    Found.by_quality[:, 10], Found.by_quality[:, 20], Found.by_quality[:, 30] = (
        (1000, 10),
        (1000, 30),
        (1000, 1),
    )
    curve = error_by_quality(Found)
    assert (np.diff(curve) <= 0).all()
    assert curve[10] == pytest.approx(0.02, rel=0.02) == curve[20]


def test_homopolymer_law_ends_where_little_was_seen():
    class Found:
        begun, passed = np.zeros((2, 40), np.int64), np.zeros(40, np.int64)

    Found.passed[1:4] = 10_000, 1000, 1000
    Found.begun[1, 1:4] = 100, 60, 7
    assert homopolymer_law(Found, 1).tolist() == [1.0, 6.0]


def test_refuses_what_says_nothing(short, tmp_path):
    folder, profile = short
    bam, out = (
        pairs(folder, profile, RATE, RATIO),
        (str(tmp_path / "p.tsv"), str(tmp_path / "p.json")),
    )
    with pytest.raises(
        AvatarflowError, match="fewer than 10000 usable aligned bases; give more reads"
    ):
        fit_profile(bam, str(folder / "host.fa"), "illumina", *out, Step.null(), most_reads=20)
    with pytest.raises(
        AvatarflowError, match="reads on 'chr1' beyond the reference; name the reference"
    ):
        fit_profile(bam, str(folder / "microbes.fa"), "illumina", *out, Step.null())
    with pytest.raises(
        AvatarflowError, match="no BAM, or one without contigs; give an alignment file"
    ):
        fit_profile(str(folder / "host.fa"), None, "illumina", *out, Step.null())
    assert not any(tmp_path.iterdir())
