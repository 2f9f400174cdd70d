"""A release fails closed: no reference, one that does not hold the human reads, reads worse than the spike-ins."""

import json

import numpy as np
import pandas as pd
import pytest
from test_read_release import LIMITS, RATES, tool

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.core.statistics import Estimate
from avatarflow.reads.compiled import mix
from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import LETTERS, Genome, read_fasta, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.release import fingerprint
from avatarflow.reads.release import spike_in as spike_in_module
from avatarflow.reads.release.assess import assess
from avatarflow.reads.release.fingerprint import (
    KmerSet,
    Signs,
    human_signs,
    scan,
    share_in,
    shipped,
)
from avatarflow.reads.release.gates import figures_of, hold_all, passed
from avatarflow.reads.release.own_qualities import as_fragment, clean_kmers, drawn, quality_class
from avatarflow.reads.release.spike_in import keys_of_releases, spike_in, spike_settings
from avatarflow.reads.release.strata import Strata
from avatarflow.reads.release.undetected import miss_rate, undetected
from avatarflow.reads.user_reads.take import take_reads
from avatarflow.runs.context import Step

BP, FAMILY, EVERY = 200_000, 300, 1500
OWN = {"fastq1": "a.fq"}


# --- at planning time


@pytest.mark.parametrize("reference", [{}, {"fasta": ""}, {"fasta": " "}, {"generated_bp": 20_000}])
@pytest.mark.parametrize("kind", ["read_releases", "read_benchmarks"])
def test_own_reads_need_a_reference_of_their_own(kind, reference):
    with pytest.raises(AvatarflowError, match=rf"config {kind}.r.reference.fasta: no reference"):
        load({kind: {"r": {"own_reads": OWN, "reference": reference}}})


@pytest.mark.parametrize("second", ["a.fq", "./a.fq", "x/../a.fq"])
def test_one_file_for_both_mates_is_refused_before_anything_runs(second):
    own = {**OWN, "fastq2": second}
    with pytest.raises(AvatarflowError, match=r"r.own_reads.fastq2: the same file as fastq1"):
        load({"read_releases": {"r": {"own_reads": own, "reference": {"fasta": "h.fa"}}}})


def test_empty_texts_are_null_and_refused_where_null_is_nothing():
    empty = {"fastq1": "a.fq", "fastq2": "", "truth": "  "}
    entry = {"own_reads": empty, "reference": {"fasta": "h.fa", "region": ""}}
    entry = load({"read_benchmarks": {"r": entry}})["read_benchmarks"]["r"]
    assert entry["own_reads"]["fastq2"] is entry["own_reads"]["truth"] is None
    assert entry["reference"]["region"] is None
    with pytest.raises(AvatarflowError, match=r"own_reads.fastq1: an empty text; give a value"):
        load({"read_releases": {"r": {"own_reads": {"fastq1": ""}, "reference": {"fasta": "h"}}}})


@pytest.mark.parametrize("name", [1234, 1.5, True, None])
@pytest.mark.parametrize("place", ["entry", "donor", "microbe"])
def test_names_that_yaml_reads_as_no_text_are_refused_at_any_depth(name, place):
    genomes = {"genomes": {name: {"fasta": "m.fa"}}}
    entries = {
        "entry": {name: {}}, "donor": {"r": {"donors": {name: {}}}}, "microbe": {"r": {"microbes": genomes}},
    }  # fmt: skip
    with pytest.raises(AvatarflowError, match="put it in quotes, since YAML reads it as no text"):
        load({"read_benchmarks": entries[place]})


@pytest.mark.parametrize("taxon", ["human", "junk", "unknown"])
def test_a_microbe_has_no_name_that_the_scores_use(taxon):
    with pytest.raises(AvatarflowError, match=rf"genomes.{taxon}: a name that the scores give"):
        load({"read_benchmarks": {"r": {"microbes": {"genomes": {taxon: {"fasta": "m.fa"}}}}}})


# --- signs of human sequence


def test_kmers_are_found_on_both_strands_and_nowhere_else():
    codes = random_genome("c", 2000, 0.5, 0.0, 1).codes
    kmers = KmerSet.of(np.array([3], np.uint64))
    assert scan(codes, np.array([2000]), kmers, np.zeros(1, bool)).tolist() == [0]
    family = kmers_of(codes[500:533])
    for strand in (codes, 3 - codes[::-1]):
        seen = np.zeros(3, bool)
        assert scan(strand, np.array([400, 2000]), family, seen).sum() == 3
        assert seen.all()
    cut = codes.copy()
    cut[516] = 4  # N
    assert scan(cut, np.array([2000]), family, np.zeros(3, bool)).sum() == 0


def kmers_of(codes):
    """All k-mers of a sequence, by the slow way."""
    words = []
    for at in range(len(codes) - 30):
        piece = codes[at : at + 31].astype(object)
        both = [
            sum(int(c) << 2 * (30 - i) for i, c in enumerate(p)) for p in (piece, 3 - piece[::-1])
        ]
        words.append(mix(np.uint64(min(both))))
    return KmerSet.of(np.array(words, np.uint64))


def test_what_is_shipped_finds_nothing_in_random_sequence():
    for name, size in (("repeats", 16_000), ("unique", 6_000)):
        hashes = shipped(name).hashes
        assert (len(hashes), hashes.dtype) == (size, np.uint64)
        assert (np.diff(hashes) > 0).all()
    genome = random_genome("c", 500_000, 0.4, 0.0, 1)
    assert share_in(genome) == 0
    reads = [(LETTERS[genome.codes[at : at + 150]].tobytes(),) for at in range(0, 400_000, 100)]
    assert not human_signs(reads).any()


@pytest.mark.shared
def test_the_fingerprint_is_human_and_not_bacterial(shared_data):
    human = read_fasta(shared_data / "genomes/human/chr20_b37.fa.gz")
    assert share_in(human) == 1
    codes = human.codes[10_000_000:11_000_000]
    pieces = [(LETTERS[codes[at : at + 150]].tobytes(),) for at in range(0, 999_000, 150)]
    assert 0.05 < human_signs(pieces).mean() < 0.4
    microbe = read_fasta(shared_data / "genomes/microbes/Ecoli_MG1655.fasta.gz")
    assert share_in(microbe) == 0


@pytest.fixture
def species(monkeypatch):
    """A genome with a family of repeats, another species without, and the fingerprint of the first."""
    random = np.random.default_rng(5)
    host, other = (random_genome("chr1", BP, 0.45, 0.0, seed).codes.copy() for seed in (1, 2))
    family = random_genome("alu", FAMILY, 0.6, 0.0, 3).codes
    for at in range(500, BP - FAMILY, EVERY):
        copied = family.copy()
        changed = random.random(FAMILY) < 0.01
        copied[changed] = random.integers(0, 4, changed.sum())
        host[at : at + FAMILY] = copied
    places = np.arange(1000, BP - 100, EVERY)  # between the repeats
    unique = [int(kmers_of(host[at : at + 31]).hashes[0]) for at in places]
    sets = {"repeats": kmers_of(family), "unique": KmerSet.of(np.array(unique, np.uint64))}
    monkeypatch.setattr(fingerprint, "shipped", sets.__getitem__)
    return host, other


def decided(tmp_path, reference, human, called, changes=()):
    """Gates that fail for pairs of host and microbe; `called(start)`: whether the tools see a fragment of the host."""
    random = np.random.default_rng(6)
    microbe = random_genome("m", 30_000, 0.5, 0.0, 9).codes
    texts, truth = ["", ""], []
    for number in range(400):
        own = number % 2 == 0
        codes = human if own else microbe
        start = int(random.integers(0, len(codes) - 300))
        truth.append(own and called(start))
        piece = codes[start : start + 300]
        for mate, bases in enumerate((piece[:100], 3 - piece[::-1][:100])):
            texts[mate] += f"@{number}\n{LETTERS[bases].tobytes().decode()}\n+\n{'F' * 100}\n"
    for mate, text in enumerate(texts, start=1):
        (tmp_path / f"own_{mate}.fq").write_text(text)
    write_fasta(tmp_path / "host.fa", Genome.of([("chr1", reference)]))
    write_fasta(tmp_path / "microbes.fa", Genome.of([("m:1", microbe)]))
    profile = tmp_path / "profile.tsv"
    profile.write_text("mate\tcycle\terror\n1\t1\t1\n1\t2\t1\n2\t1\t1\n2\t2\t1\n")
    donor = Donor("spike1", 0.0, Rates.of(RATES), 1)
    make_individual(str(tmp_path / "host.fa"), donor, outputs_in(tmp_path / "spike"), Step.null())
    entry = {"own_reads": {"fastq1": "a", "fastq2": "b"}, "reference": {"fasta": "host.fa"}, "seed": 1,
             "spike_ins": {"pairs": 1500, "donors": 1}, "risk": {"diversity": 0.0005},
             "gates": {"spike_ins": 1000, "miss_rate": 0.01, "bits_left": 30, **dict(changes)}}  # fmt: skip
    settings = load({"read_releases": {"r": entry}})["read_releases"]["r"]
    first = {key: str(tmp_path / key) for key in ("reads1", "reads2", "truth", "summary")}
    files = {f"fastq{mate}": str(tmp_path / f"own_{mate}.fq") for mate in (1, 2)}
    take_reads(files, 35, False, None, first, Step.null())
    inputs = {**first, "host": str(tmp_path / "host.fa"), "microbes": str(tmp_path / "microbes.fa"),
              "profile": str(profile), "variants": [str(tmp_path / "spike/variants.parquet")],
              "parts": [str(tmp_path / "spike/parts.parquet")]}  # fmt: skip
    out = {key: str(tmp_path / f"spiked.{key}") for key in ("reads1", "reads2", "spikes")}
    spikes = settings["spike_ins"]
    spike_in(inputs, spikes, False, 1, out, Step.null())
    spike = np.zeros(400 + spikes["pairs"], bool)
    spike[pd.read_parquet(out["spikes"])["number"]] = True
    human_calls = spike.copy()
    human_calls[~spike] = truth
    runs = [tool(tmp_path, f"t{i}", human_calls) for i in range(3)]
    given = {**inputs, "reads": [out["reads1"], out["reads2"]], "spikes": out["spikes"], "donor": None,
             "panel": None, "map": None}  # fmt: skip
    roles = {"remove": runs[:1], "detection_tools": runs[1:]}
    found = assess(given, roles, settings, tmp_path / "assessment.json", 1, Step.null())
    gates = hold_all(figures_of(found, 2), settings["gates"])
    return found, {gate.name: gate.result for gate in gates if gate.result != "pass"}


def test_a_whole_reference_passes(species, tmp_path):
    host, _ = species
    found, failed = decided(tmp_path, host, host, lambda _: True)
    assert failed == {}
    assert found["signs"]["fragments"] > 30
    assert found["signs"]["excess"]["value"] < 1


def test_another_species_as_reference_is_found_by_signs_of_the_human_reads(species, tmp_path):
    """The tools see their own reference's spike-ins, all of them, and no human read."""
    host, other = species
    found, failed = decided(tmp_path, other, host, lambda _: False)
    assert failed["reference_match"] == "inconclusive"
    assert failed["human_signs"] == "fail"
    assert found["signs"]["unseen"] == found["signs"]["fragments"] > 30
    # whoever says that the host is not human is told of human reads nevertheless
    _, failed = decided(tmp_path, other, host, lambda _: False, {"reference_match": 0})
    assert failed["human_signs"] == "fail"


def test_a_reference_of_a_part_of_the_genome_is_found(species, tmp_path):
    """Repeats of the whole genome align to the few that the part has; nothing else does."""
    host, _ = species
    part = host[: BP // 100 * 2]

    def called(start):
        ends = ((start, start + 100), (start + 200, start + 300))
        inside = [
            (first - 500) % EVERY < FAMILY - 40 or (last - 540) % EVERY < FAMILY - 40
            for first, last in ends
        ]
        return any(inside) or start < len(part) - 300

    found, failed = decided(tmp_path, part, host, called, {"reference_match": 0})
    assert failed.get("repeat_excess") == "inconclusive", found["signs"]
    _, failed = decided(tmp_path, part, host, called)
    assert failed["reference_match"] == "inconclusive"


def test_signs_that_no_tool_calls_human_count_as_found(species, tmp_path):
    host, _ = species
    found, failed = decided(tmp_path, host, host, lambda start: start > BP // 10)
    assert found["counts"]["found"] == found["signs"]["unseen"] > 0
    assert failed["human_signs"] == "fail"


EMPTY = {"tools": {"asked": 3, "without_verdicts": []}, "counts": {"spike_ins": 20_000},
         "miss_rate": Estimate(0, 0, 5e-4, 9).as_dict(), "bits": Estimate(1, 0, 5, 3).as_dict()}  # fmt: skip
"""An assessment that passes, but for the signs, which it lacks."""


def test_the_gates_of_the_reference_fail_closed_without_figures():
    gates = hold_all(figures_of(EMPTY, 2), LIMITS)
    names = {"reference_match", "human_signs", "repeat_excess"}
    assert {gate.name for gate in gates if gate.result == "inconclusive"} == names
    assert not passed(gates, LIMITS)


SPIKES = np.array([0, 0, 1, 1], bool)
NONE, ONE = np.zeros(4, bool), np.array([0, 0, 1, 0], bool)


@pytest.mark.parametrize(
    ("marked", "called", "results"),
    [
        (SPIKES, SPIKES, {}),
        (SPIKES, ONE, {"human_signs": "fail"}),
        (NONE, SPIKES, {"human_signs": "inconclusive"}),
        (SPIKES, NONE, {"human_signs": "fail", "repeat_excess": "inconclusive"}),
        (NONE, NONE, {"human_signs": "inconclusive", "repeat_excess": "inconclusive"}),
    ],
    ids=["all seen", "half seen", "no repeats", "none seen", "nothing"],
)
def test_a_sample_without_human_reads_is_held_on_the_spike_ins(marked, called, results):
    signs = Signs.of(0.9, marked, called, SPIKES, 0.0125).as_dict()
    limits = {"human_signs": 0.02, "repeat_excess": 2}
    figures = figures_of({**EMPTY, "signs": signs}, 2)
    gates = [gate for gate in hold_all(figures, limits) if gate.name in limits]
    assert {gate.name: gate.result for gate in gates if gate.result != "pass"} == results
    assert all(gate.n > 0 for gate in gates if gate.result == "pass")


# --- spike-ins like the reads


def body(bases, qualities):
    return b"%b\n+\n%b\n" % (bases, qualities)


def test_a_spike_in_takes_length_qualities_n_and_errors_of_a_read():
    template = body(b"ACGT" * 30, b"I" * 120)
    own = body(b"A" * 50 + b"N" + b"A" * 49, b"I" * 50 + b"!" * 50)
    wrong = np.zeros(100)
    for seed in range(200):
        (made,) = as_fragment(seed, 0, (template,), (own,), 0.0, 1000)
        bases, _, qualities = made.rstrip(b"\n").split(b"\n")
        assert qualities == b"I" * 50 + b"!" * 50
        assert bases[50:51] == b"N"
        wrong += [read != true for read, true in zip(bases, (b"ACGT" * 30)[:100], strict=True)]
    assert wrong[:50].mean() / 200 == pytest.approx(1e-4, abs=5e-4)
    assert wrong[51:].mean() / 200 == pytest.approx(0.75, abs=0.02)
    (made,) = as_fragment(1, 0, (template,), (own,), 0.0, 40)
    assert made == body(b"ACGT" * 10, b"I" * 40)
    one, two = (as_fragment(1, n, (template,), (own,), 0.0, 1000) for n in (1, 2))
    assert one != two
    short, long = body(b"ACGT" * 20, b"I" * 80), body(b"A" * 99, b"5" * 99)
    lengths = {
        as_fragment(seed, 0, (short,), (long,), 0.0, 99)[0].index(b"\n") for seed in range(9)
    }
    assert lengths == {80}  # a template that ends


def test_clean_kmers_are_those_without_an_expected_error():
    good, bad = body(b"A" * 100, b"I" * 100), body(b"A" * 100, b"(" * 100)
    masked = body(b"N" * 90 + b"A" * 10, b"I" * 100)
    clean = clean_kmers([(good,), (good, good), (bad,), (masked,), (body(b"ACG", b"III"),)])
    assert clean == pytest.approx(
        [80 * (1 - 1e-4) ** 21, 160 * (1 - 1e-4) ** 21, 80 * (1 - 10**-0.7) ** 21, 0, 0]
    )
    assert quality_class(clean).tolist() == [4, 5, 0, 0, 0]


def test_blocks_hold_all_fragments_in_order(monkeypatch):
    monkeypatch.setattr(spike_in_module, "BLOCK_BYTES", 100)
    bodies = [(bytes(40),), (bytes(90),), (bytes(5), bytes(6)), (bytes(300),), (bytes(1),)]
    parts = list(spike_in_module.blocks(iter(bodies)))
    assert [body for part in parts for body in part] == bodies
    assert [len(part) for part in parts] == [2, 2, 1]


def test_rare_bad_reads_are_drawn_often():
    clean = np.array([80.0] * 9_990 + [0.5] * 10)
    numbers = drawn(clean, 4000, 1)
    assert (numbers >= 9_990).mean() == pytest.approx(0.25, abs=0.03)
    assert len(set(numbers[numbers >= 9_990].tolist())) == 10
    assert (drawn(np.full(9, 80.0), 900, 1) < 9).all()


def test_one_class_is_clopper_and_pearsons():
    strata = Strata(np.array([0, 40]), np.array([300, 700]), np.array([200, 3]))
    assert strata.miss_rate(0.0125) == miss_rate(3, 700, 0.0125)
    none = Strata(np.array([0, 0]), np.array([300, 700]), np.array([200, 3]))
    assert none.miss_rate(0.0125) == miss_rate(203, 1000, 0.0125)
    blind = Strata(np.array([1, 40]), np.array([300, 700]), np.array([300, 3]))
    assert blind.miss_rate(0.0125).high is None


@pytest.mark.parametrize("bad", [0.05, 0.3, 1.0])
def test_the_bound_holds_where_the_human_reads_are_worse_than_the_rest(bad):
    """800 human fragments, a share of them bad: 15 % of those are missed, of the good ones 0.2 %."""
    random = np.random.default_rng(8)
    rates, kept, bounds = np.array([0.15, 0.002]), 0, []
    for _ in range(600):
        human = random.multinomial(800, [bad, 1 - bad])
        missed = random.binomial(human, rates)
        spikes = np.array([500, 1500])
        strata = Strata(human - missed, spikes, random.binomial(spikes, rates))
        bound = undetected(int((human - missed).sum()), strata.miss_rate(0.0125), 0.0125).high
        kept += missed.sum() <= bound
        bounds.append(bound)
    assert kept / 600 > 0.975
    truth = 800 * (bad * 0.15 + (1 - bad) * 0.002)
    assert np.median(bounds) < 2 * truth + 8


# --- advice in the words of a release


def test_refusals_name_the_keys_that_a_release_has():
    summary = {"length_max": 100, "length_min": 100, "length_q05": 100, "error": 1.0}
    config = {"read_releases": {"r": {"own_reads": OWN, "reference": {"fasta": "h.fa"}}}}
    spikes = load(config)["read_releases"]["r"]["spike_ins"]
    with pytest.raises(
        AvatarflowError, match=r"own_reads: the qualities of fastq1.*set spike_ins.error"
    ):
        spike_settings(spikes, summary, True)
    assert spike_settings({**spikes, "error": 0.01}, summary, True)["error"] == 0.01
    for key, name in (
        ("reads.fragment_mean_bp", "spike_ins.fragment_mean_bp"),
        ("reads.error", "spike_ins.error"),
    ):
        with (
            pytest.raises(AvatarflowError, match=rf"^{name}: x; y"),
            keys_of_releases(0.1, told=True),
        ):
            raise AvatarflowError(f"{key}: x; y")
    assert json.dumps(spikes)
