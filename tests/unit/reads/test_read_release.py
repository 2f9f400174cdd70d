"""May cleaned reads leave: counts, bounds, bits, gates, the folder; on a made-up person, panel and microbe."""

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from site_keys import site

import page_counts
from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.core.statistics import Estimate
from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import LETTERS, Genome, read_fasta, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.release.assess import MEASURED, PANEL, SPECTRUM, assess, tool_runs
from avatarflow.reads.release.donor import with_donor
from avatarflow.reads.release.folder import release_reads
from avatarflow.reads.release.gates import RULES, figures_of, hold_all, passed
from avatarflow.reads.release.information import Information, Layout, from_panel, from_spectrum
from avatarflow.reads.release.spike_in import share_out, spike_in, spike_settings
from avatarflow.reads.release.undetected import Counts, enrichment, miss_rate, undetected
from avatarflow.reads.risk.panel import read_panel
from avatarflow.reads.user_reads.take import take_reads
from avatarflow.release.signing import read_signer
from avatarflow.runs.context import Step

CANARY = "CANARYZQX"
PROFILES = Path(__file__).resolve().parents[3] / "resources" / "error_profiles"
HEAD = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
AUTOSOME, Y, PEOPLE, HUMAN, MICROBIAL = 60_000, 15_000, 24, 400, 200
RATES = {"indel_share": 0.0, "indel_mean_bp": 2.5, "homozygous_share": 0.35, "ti_tv": 2.1}


# --- counts and bounds


@pytest.mark.parametrize(
    ("unseen", "n", "low", "high"),
    [
        (0, 100, 0, 1 - 0.025 ** (1 / 100)),
        (5, 100, 0.01643, 0.11283),
        (100, 100, 0.025 ** (1 / 100), 1),
    ],
)
def test_miss_rate_is_clopper_and_pearsons(unseen, n, low, high):
    rate = miss_rate(unseen, n, 0.025)
    assert (rate.value, rate.low, rate.high) == pytest.approx((unseen / n, low, high), abs=1e-5)


def test_without_spike_ins_nothing_is_known():
    assert miss_rate(0, 0, 0.025).value is None
    assert undetected(1000, Estimate.missing(), 0.025).high is None
    # every spike-in was missed
    assert undetected(1000, Estimate(1.0, 0.5, 1.0, 3), 0.025).high is None


def test_the_bound_of_what_no_tool_sees_holds_and_is_not_idle():
    """Truth drawn again and again: 800 human fragments, a miss rate of 2 %, 500 spike-ins."""
    random = np.random.default_rng(1)
    kept, bounds = 0, []
    for _ in range(1500):
        missed = random.binomial(800, 0.02)
        bound = undetected(
            800 - missed, miss_rate(random.binomial(500, 0.02), 500, 0.0125), 0.0125
        ).high
        kept += missed <= bound
        bounds.append(bound)
    assert kept / 1500 > 0.975
    assert np.median(bounds) < 60  # the truth is 16


def test_the_expected_number_is_q_over_one_minus_q_of_those_detected():
    found = undetected(900, miss_rate(10, 100, 0.025), 0.025)
    assert found.value == pytest.approx(100)
    # the upper end of q alone is not all: counts vary too
    assert found.high > 0.1763 / (1 - 0.1763) * 900


def test_no_detected_fragment_still_leaves_some_possible():
    assert undetected(0, miss_rate(50, 100, 0.025), 0.025).high >= 4  # ln .025 / ln .6 = 7


def counts(**changes):
    return Counts(**{**{"fragments": 1000, "removed": 500, "found": 5, "spike_ins": 1000, "spikes_left": 20,
                        "spikes_unseen": 2, "variants_left": 20, "variants_all": 300}, **changes})  # fmt: skip


def test_counts_of_masks():
    removed = np.array([1, 0, 0, 0, 1, 0, 0], bool)
    detected = np.array([1, 1, 0, 0, 0, 1, 0], bool)
    spike = np.array([0, 0, 0, 0, 1, 1, 1], bool)
    assert Counts.of(removed, detected, spike, np.array([1, 2, 4])) == Counts(
        4, 1, 1, 3, 2, 1, 6, 7
    )


def test_enrichment_sees_misses_that_carry_more_variants_and_never_rests_below_one():
    plain, rich = enrichment(counts(variants_left=6), 0.025, 9), enrichment(counts(), 0.025, 9)
    assert plain.value == pytest.approx(1)
    assert rich.value == pytest.approx(20 / 20 / 0.3)
    assert rich.high > rich.value > plain.high > 1
    assert enrichment(counts(variants_left=0), 0.025, 9).high >= 1
    # nothing to learn from
    assert enrichment(counts(spikes_left=0, variants_left=0), 0.025, 9).high == 9
    # what was seen
    assert enrichment(counts(variants_left=7, spikes_left=1), 0.025, 3).high == pytest.approx(
        7 / 0.3
    )


# --- what fragments tell


def test_the_spectrum_tells_what_theory_says():
    """Mean bits per base: diversity x integral of (h(p) - 2 p (1 - p)) / p, 1.373 for a population without end."""
    told = from_spectrum(
        0.001, 10**6, Layout(150, True, 350, 0, 0.01), np.random.default_rng(1), 200_000
    )
    assert told.mean == pytest.approx(0.001 * 300 * 1.373, rel=0.04)
    few = from_spectrum(
        0.001, 10**6, Layout(150, True, 150, 0, 0.01), np.random.default_rng(1), 200_000
    )
    assert few.mean == pytest.approx(told.mean / 2, rel=0.06)  # mates that overlap read a base once


def test_upper_bits_hold_their_level_by_both_ways():
    random = np.random.default_rng(2)
    told = Information(random.exponential(0.3, (5, 4000)) * np.array([[0.5], [1], [1], [1], [2]]))
    assert told.upper(0, 0.05, random) == 0
    for fragments in (3, 1500, 4000):
        sums = [
            told.bits[random.integers(5), random.integers(0, 4000, fragments)].sum()
            for _ in range(1500)
        ]
        assert np.mean(np.array(sums) <= told.upper(fragments, 0.05, random)) == pytest.approx(
            0.95, abs=0.025
        )


# --- a world


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Genome with a Y, panel, a donor with a VCF of their own, reads of the donor and of a microbe."""
    folder = tmp_path_factory.mktemp("world")
    random = np.random.default_rng(7)
    parts = [random_genome("chr1", AUTOSOME, 0.41, 0.0, 1), random_genome("chrY", Y, 0.41, 0.0, 2)]
    genome = Genome.of([pair for part in parts for pair in part.contigs()])
    microbe = random_genome("microbe", 30_000, 0.6, 0.0, 3)
    write_fasta(folder / "host.fa", genome)
    write_fasta(folder / "microbes.fa", Genome.of([("m:1", microbe.codes)]))
    at = np.arange(200, AUTOSOME - 200, 150)
    alleles = (
        random.random((len(at), PEOPLE + 1, 2)) < random.uniform(0.05, 0.6, len(at))[:, None, None]
    )
    ref, alt = genome.contig(0)[at], (genome.contig(0)[at] + 1) % 4
    rows = [
        [
            f"chr1\t{p + 1}\t.\t{'ACGT'[r]}\t{'ACGT'[a]}\t.\t.\t.\tGT",
            *(f"{int(x)}|{int(y)}" for x, y in calls),
        ]
        for p, r, a, calls in zip(at, ref, alt, alleles, strict=True)
    ]
    names = "\t".join(f"p{i}" for i in range(PEOPLE))
    (folder / "panel.vcf").write_text(
        f"{HEAD}{names}\n" + "".join("\t".join(row[:-1]) + "\n" for row in rows)
    )
    own = [f"{row[0]}\t{row[-1]}\n" for row in rows if row[-1] != "0|0"]
    (folder / f"{CANARY}.vcf").write_text(f"{HEAD}{CANARY}\n" + "".join(own))
    haplotypes = []
    for side in (0, 1):
        codes = genome.codes.copy()
        codes[at] = np.where(alleles[:, -1, side], alt, ref)
        haplotypes.append(codes)
    write_reads(folder, haplotypes, microbe.codes, random)
    (folder / "profile.tsv").write_text("mate\tcycle\terror\n1\t1\t1\n1\t2\t1\n2\t1\t1\n2\t2\t1\n")
    panel = {"panel": str(folder / "panel.vcf"), "sample": "p3"}
    make_individual(
        str(folder / "host.fa"),
        Donor("spike1", 0.0, Rates.of(RATES), 1, **panel),
        outputs_in(folder / "spike"),
        Step.null(),
    )
    return folder


def write_reads(folder, haplotypes, microbe, random):
    """HUMAN pairs of the donor, every tenth on the Y, among MICROBIAL ones; `human.npy` says which are which."""
    human = random.permutation(np.arange(HUMAN + MICROBIAL) < HUMAN)
    texts = ["", ""]
    for number, own in enumerate(human):
        codes = haplotypes[random.integers(2)] if own else microbe
        start = int(random.integers(0, (AUTOSOME if own else len(codes)) - 300))
        if own and number % 10 == 0:
            start = AUTOSOME + int(random.integers(0, Y - 300))
        piece = codes[start : start + 300]
        for mate, bases in enumerate((piece[:100], 3 - piece[::-1][:100])):
            texts[mate] += (
                f"@{CANARY}:{number}\n{LETTERS[bases].tobytes().decode()}\n+\n{'F' * 100}\n"
            )
    for mate, text in enumerate(texts, start=1):
        (folder / f"own_{mate}.fq").write_text(text)
    np.save(folder / "human.npy", human)


RELEASE = {
    "exports": ["croissant", "dcat_ap", "health_dcat_ap", "ro_crate"], "publisher": "Clinic", "date": "2026-12-01",
    "url": "https://data.example.org/stool", "contact": "data@example.org",
    "health": {
        "categories": ["RPDG"], "legislation": ["http://data.europa.eu/eli/reg/2025/327/oj"],
        "access_body": {"name": "Body", "contact": "hdab@example.org"},
    },
}  # fmt: skip
"""Every export, so that every refusal shows that it exports nothing."""


MADE_UP = {
    "spike_ins": 1000,
    "miss_rate": 0.01,
    "bits_left": 30,
    "reference_match": 0,
    "human_signs": 1,
}
"""Thresholds for a made-up host, which has no repeats of the human genome to look at."""


def settings_of(world, **changes):
    entry = {"own_reads": {"fastq1": "a", "fastq2": "b"}, "reference": {"fasta": "host.fa"}, "seed": 1,
             "panel": {"vcf": str(world / "panel.vcf")},
             "spike_ins": {"pairs": 1500, "donors": 1},
             "gates": MADE_UP, "release": RELEASE, **changes}  # fmt: skip
    return load({"read_releases": {"r": entry}})["read_releases"]["r"]


def spiked(world, folder, settings, own=None, human=None):
    """The reads taken in, with spike-ins among them; inputs of `assess` and `release_reads`, and who is human.

    `own` is a file of single reads in place of the world's pairs, `human` says which of them are.
    """
    pair = {"fastq1": str(world / "own_1.fq"), "fastq2": str(world / "own_2.fq")}
    files = pair if own is None else {"fastq1": str(own)}
    human = np.load(world / "human.npy") if human is None else human
    first = {key: str(folder / f"own.{key}") for key in ("reads1", "reads2", "truth", "summary")}
    take_reads(files, 35, False, None, first, Step.null())
    profile = str(world / "profile.tsv") if own is None else str(PROFILES / "nanopore.tsv")
    inputs = {**first, "host": str(world / "host.fa"), "microbes": str(world / "microbes.fa"), "profile": profile,
              "variants": [str(world / "spike/variants.parquet")],
              "parts": [str(world / "spike/parts.parquet")]}  # fmt: skip
    out = {key: str(folder / f"spiked.{key}") for key in ("reads1", "reads2", "spikes")}
    spike_in(inputs, settings["spike_ins"], own is not None, settings["seed"], out, Step.null())
    spikes = pd.read_parquet(out["spikes"])
    spike = np.zeros(len(human) + len(spikes), bool)
    spike[spikes["number"]] = True
    both = spike.copy()
    both[~spike] = human
    more = {"reads": [out[f"reads{mate}"] for mate in ((1, 2) if own is None else (1,))], "spikes": out["spikes"],
            "summary": first["summary"], "host": inputs["host"],
            "donor": settings["donor"] and settings["donor"]["vcf"],
            "panel": settings["panel"] and settings["panel"]["vcf"], "map": None,
            "assessment": str(folder / "assessment.json")}  # fmt: skip
    return more, both, spike


def tool(folder, name, removed, status="ok"):
    """A tool's calls and usage, as the workflow leaves them."""
    names = [f"r{number:09d}" for number in range(len(removed))]
    table = pd.DataFrame({"fragment": names, "removed": removed})
    table[: 0 if status != "ok" else None].to_parquet(folder / f"{name}.parquet")
    (folder / f"{name}.json").write_text(
        json.dumps({"status": status, "reason": "", "version": f"/home/{CANARY}/{name} 1.2.3"})
    )
    return {
        "tool": name,
        "setting": "s",
        "calls": str(folder / f"{name}.parquet"),
        "usage": str(folder / f"{name}.json"),
    }


def decide(
    world, folder, settings, cleaner, detectors=(1.0, 1.0), status=("ok", "ok", "ok"), **reads
):
    """Assess and decide, with tools that call so large a share of the human fragments human, and no microbe."""
    inputs, human, spike = spiked(world, folder, settings, **reads)
    random = np.random.default_rng(5)
    shares = [cleaner, *detectors]
    tools = [
        tool(folder, f"t{i}", human & (random.random(len(human)) < share), status[i])
        for i, share in enumerate(shares)
    ]
    runs = {"remove": tools[:1], "detection_tools": tools[1:]}
    found = assess(inputs, runs, settings, inputs["assessment"], 1, Step.null())
    out = {"certificate": str(folder / "certificate.json"), "page": str(folder / "report.html")}
    decided = release_reads("r", inputs, runs, settings, out, folder / "release", Step.null())
    return found, decided, human & ~spike


def test_spike_ins_are_mixed_evenly_and_all_reads_are_whole(world, tmp_path):
    settings = settings_of(world)
    inputs, _, spike = spiked(world, tmp_path, settings)
    lines = [
        gzip.decompress(Path(path).read_bytes()).decode().split("\n")[:-1]
        for path in inputs["reads"]
    ]
    assert len(lines[0]) == len(lines[1]) == 4 * len(spike)
    assert lines[0][::4] == lines[1][::4] == [f"@r{number:09d}" for number in range(len(spike))]
    own = [(world / f"own_{mate}.fq").read_text().split("\n")[1::4] for mate in (1, 2)]
    for mate in (0, 1):
        assert [
            bases for bases, ours in zip(lines[mate][1::4], spike, strict=True) if not ours
        ] == own[mate]
    halves = [spike[: len(spike) // 2].mean(), spike[len(spike) // 2 :].mean()]
    assert halves[0] == pytest.approx(halves[1], abs=0.06)
    assert {len(bases) for bases in lines[0][1::4]} == {100}


def test_spike_ins_take_after_the_reads_unless_told(world):
    summary = {"length_max": 151, "length_min": 35, "length_q05": 90, "length_mean": 120.0, "length_sd": 9.0,
               "error": 0.02}  # fmt: skip
    plain = settings_of(world)["spike_ins"]
    assert spike_settings({**plain, "error": 0.02}, summary, False)["length_bp"] == 90
    assert spike_settings(plain, summary, True) == {
        "length_bp": 167, "fragment_mean_bp": 350, "fragment_sd_bp": 50, "ends": "single", "error": 1e-4,
        "indel_ratio": 0.01, "platform": "illumina", "error_told": False, "as_own": True, "longest_bp": 151,
    }  # fmt: skip
    assert (
        spike_settings({**plain, "error": 0.05, "length_bp": 60}, summary, False)["error"] == 0.05
    )
    with pytest.raises(
        AvatarflowError,
        match="own_reads: reads of up to 5000 bases, which spike-ins of short reads",
    ):
        spike_settings(plain, {**summary, "length_max": 5000}, False)
    long = {**plain, "platform": "nanopore"}
    law = spike_settings(long, {**summary, "length_max": 5000}, True)["long"]
    assert (law["min_bp"], law["mean_bp"], law["sd_bp"], law["max_bp"]) == (50, 120.0, 9.0, 5000)
    with pytest.raises(
        AvatarflowError, match=r"own_reads.fastq2: mates, which nanopore reads do not have"
    ):
        spike_settings(long, summary, False)
    assert share_out(10, 3) == [4, 3, 3]


def test_nanopore_reads_are_decided_too(world, tmp_path):
    """Whole molecules of the donor's first haplotype; long spike-ins, long fragments in the bound."""
    random, host, microbe = (
        np.random.default_rng(9),
        read_fasta(world / "host.fa"),
        read_fasta(world / "microbes.fa"),
    )
    text, human = "", np.arange(150) % 3 > 0
    for number, own in enumerate(human):
        codes, size = (host.contig(0) if own else microbe.codes), int(random.integers(300, 3000))
        start = int(random.integers(0, len(codes) - size))
        bases = LETTERS[codes[start : start + size]].tobytes().decode()
        text += f"@{number}\n{bases}\n+\n{'5' * size}\n"
    (tmp_path / "own.fq").write_text(text)
    spikes = {"pairs": 1200, "donors": 1, "platform": "nanopore", "error": 0.03}
    settings = settings_of(world, spike_ins=spikes, own_reads={"fastq1": "a"})
    _, passed, _ = decide(world, tmp_path, settings, 1.0, own=tmp_path / "own.fq", human=human)
    # 1,650 bases with a site in 150
    assert passed["measured"]["information"]["bits_per_fragment"] > 3
    assert passed["measured"]["counts"]["removed"] == 100
    assert not {"miss_rate: fail", "miss_rate: inconclusive"} & {*passed["reasons"]}
    _, refused, _ = decide(world, tmp_path, settings, 0.7, own=tmp_path / "own.fq", human=human)
    assert "bits_left: fail" in refused["reasons"]


def test_a_clean_file_leaves_whole_and_without_a_trace_of_names_or_spike_ins(world, tmp_path):
    found, decided, _ = decide(world, tmp_path, settings_of(world), 1.0)
    assert decided["decision"] == "pass"
    assert decided["reasons"] == []
    assert (found["counts"]["removed"], found["counts"]["found"], found["how"]) == (HUMAN, 0, PANEL)
    release = tmp_path / "release"
    assert sorted(path.name for path in release.iterdir()) == [
        "README.md", "SHA256SUMS", "certificate.json", "croissant.json", "dcat-ap.jsonld", "health-dcat-ap.jsonld",
        "reads_1.fastq.gz", "reads_2.fastq.gz", "ro-crate-metadata.json",
    ]  # fmt: skip
    for line in (release / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((release / name).read_bytes()).hexdigest() == digest
    for mate in (1, 2):
        lines = (
            gzip.decompress((release / f"reads_{mate}.fastq.gz").read_bytes())
            .decode()
            .split("\n")[:-1]
        )
        own = np.array((world / f"own_{mate}.fq").read_text().split("\n")[1::4])
        assert lines[1::4] == own[~np.load(world / "human.npy")].tolist()
        assert lines[::4] == [
            f"@r{number:09d}" for number in range(MICROBIAL)
        ]  # no gaps that tell what is gone
    crate = json.loads((release / "ro-crate-metadata.json").read_text())["@graph"]
    versions = [one["softwareVersion"] for one in crate if one["@id"].startswith("#tool-")]
    assert versions == ["1.2.3"] * 3  # the number alone, no path
    record = json.loads((release / "health-dcat-ap.jsonld").read_text())["@graph"]
    records = [
        one["healthdcatap:numberOfRecords"]["@value"]
        for one in record
        if one["@type"] == "dcat:Dataset"
    ]
    assert records == [str(MICROBIAL)]
    assert "Microbes alone can identify people" in (release / "README.md").read_text()
    assert json.loads((release / "certificate.json").read_text())["not_checked"] == [
        "reference_match",
        "human_signs",
    ]
    for text in (release / "README.md", tmp_path / "report.html"):
        assert "Not checked: reference_match, human_signs" in text.read_text()
    assert "- `croissant.json`: Croissant" in (release / "README.md").read_text()
    assert "Every gate that is not switched off passes" in (tmp_path / "report.html").read_text()
    assert "Microbes alone can identify people" in (tmp_path / "report.html").read_text()
    counts = page_counts.check((tmp_path / "report.html").read_text())
    assert counts["fragments left"] == (MICROBIAL, MICROBIAL, {})
    assert (release / "certificate.json").read_bytes() == (
        tmp_path / "certificate.json"
    ).read_bytes()
    for path in [*release.iterdir(), tmp_path / "report.html"]:
        content = path.read_bytes()
        assert CANARY.encode() not in (
            gzip.decompress(content) if path.suffix == ".gz" else content
        )


def test_cleaned_reads_are_signed_and_refused_ones_are_not(world, tmp_path):
    settings = settings_of(world) | {"signing": site(tmp_path / "site")}
    decide(world, tmp_path, settings, 1.0)
    release, signer = tmp_path / "release", read_signer(settings["signing"])
    names = {path.name for path in release.iterdir()}
    listed = (release / "SHA256SUMS").read_bytes()
    assert names == {"SHA256SUMS", "SHA256SUMS.sig"} | {
        line.split("  ")[1] for line in listed.decode().splitlines()
    }
    signer.key.public_key().verify((release / "SHA256SUMS.sig").read_bytes(), listed)
    assert signer.fingerprint in (release / "README.md").read_text()
    decide(world, tmp_path, settings, 0.66)
    assert not release.exists()


REFUSED = {
    "a cleaner that leaves a third in": ({"cleaner": 0.66}, {}, "bits_left: fail"),
    "detection tools that see little": ({"cleaner": 0.8, "detectors": (0.1, 0.1)}, {}, "miss_rate: fail"),
    "a limit of nothing": ({"cleaner": 1.0}, {"gates": {"bits_left": 0, "reference_match": 0}}, "bits_left: fail"),
    "no repeats": ({"cleaner": 1.0}, {"gates": MADE_UP | {"human_signs": 0.99}}, "human_signs: inconclusive"),
    "no spike-ins": ({"cleaner": 1.0}, {"spike_ins": {"pairs": 0}}, "bits_left: inconclusive"),
    "too few spike-ins": ({"cleaner": 1.0}, {"spike_ins": {"pairs": 200, "donors": 1}}, "spike_ins: inconclusive"),
    "a crashed detector": ({"cleaner": 1.0, "status": ("ok", "ok", "failed")}, {}, "detection_tools: inconclusive"),
    "a cleaner that is missing": ({"cleaner": 1.0, "status": ("missing", "ok", "ok")}, {}, "calls: inconclusive"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_without_a_folder_and_with_its_reason(name, world, tmp_path):
    how, changes, reason = REFUSED[name]
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "reads_1.fastq.gz").write_bytes(b"of an earlier decision")
    _, decided, _ = decide(world, tmp_path, settings_of(world, **changes), **how)
    assert decided["decision"] == "refuse"
    assert reason in decided["reasons"]
    assert not (tmp_path / "release").exists()
    assert json.loads((tmp_path / "certificate.json").read_text())["reasons"] == decided["reasons"]
    page = (tmp_path / "report.html").read_text()
    assert "No reads are released" in page
    left, published, _ = page_counts.check(page)["fragments left"]
    assert left > published == 0


def test_tools_get_their_files_role_after_role():
    tools = {
        "remove": [{"tool": "a", "setting": "s"}],
        "detection_tools": [{"tool": "b", "setting": "s"}, {"tool": "c", "setting": "s"}],
    }
    runs = tool_runs(tools, ["1", "2", "3"], ["x", "y", "z"])
    assert runs["remove"] == [{"tool": "a", "setting": "s", "calls": "1", "usage": "x"}]
    assert [run["calls"] for run in runs["detection_tools"]] == ["2", "3"]
    with pytest.raises(ValueError, match="zip"):
        tool_runs(tools, ["1", "2"], ["x", "y"])


def test_calls_that_changed_since_the_assessment_are_refused(world, tmp_path):
    settings = settings_of(world)
    decide(world, tmp_path, settings, 1.0)
    table = pd.read_parquet(tmp_path / "t0.parquet")
    names = {"spikes": "spiked.spikes", "summary": "own.summary", "assessment": "assessment.json"}
    inputs = {key: str(tmp_path / name) for key, name in names.items()}
    inputs["reads"] = [str(tmp_path / f"spiked.reads{mate}") for mate in (1, 2)]
    runs = {"remove": [tool(tmp_path, "t0", np.zeros(len(table), bool))], "detection_tools": []}
    runs["detection_tools"] = [tool(tmp_path, f"t{i}", np.zeros(len(table), bool)) for i in (1, 2)]
    out = {"certificate": str(tmp_path / "c.json"), "page": str(tmp_path / "r.html")}
    with pytest.raises(AvatarflowError, match="assessment: made of other calls"):
        release_reads("r", inputs, runs, settings, out, tmp_path / "release", Step.null())
    assert not (tmp_path / "release").exists()
    assert not (tmp_path / "c.json").exists()


def test_with_the_donors_genotypes_the_bits_are_measured_and_the_sex_is_seen(world, tmp_path):
    donor = {"vcf": str(world / f"{CANARY}.vcf"), "sample": CANARY}
    found, decided, _ = decide(world, tmp_path, settings_of(world, donor=donor), 0.8)
    assert found["how"] == MEASURED
    assert found["found"]["rank"] == 1
    # the Y is off the panel
    assert found["found"]["measured"] == pytest.approx(0.9 * found["counts"]["found"], abs=12)
    assert found["bits"]["low"] == pytest.approx(found["found"]["bits"])
    assert 20 < found["found"]["bits"] < found["bits"]["value"] < found["bits"]["high"]
    assert found["sex"]["told"] == "male"
    assert decided["decision"] == "refuse"
    bounded, _, _ = decide(world, tmp_path, settings_of(world), 0.8)
    assert bounded["how"] == PANEL
    assert bounded["bits"]["high"] > found["found"]["bits"]  # the bound holds what was measured
    assert CANARY not in (tmp_path / "certificate.json").read_text()
    plain, _, _ = decide(world, tmp_path, settings_of(world, panel=None), 0.8)
    assert plain["how"] == SPECTRUM


def test_a_donor_beside_a_panel_keeps_sites_in_line(world, tmp_path):
    genome, panel = (
        read_fasta(world / "host.fa"),
        read_panel(world / "panel.vcf", read_fasta(world / "host.fa")),
    )
    joined = with_donor(panel, world / f"{CANARY}.vcf", CANARY, genome)
    assert joined.people[-1] == "donor"
    assert (joined.position == panel.position).all()
    assert (joined.alleles[:, :-1] == panel.alleles).all()
    lines = [line.split("\t") for line in (world / f"{CANARY}.vcf").read_text().splitlines()[2:]]
    own = {int(line[1]) - 1: [int(call) for call in line[-1].split("|")] for line in lines}
    assert joined.alleles[:, -1].tolist() == [own.get(at, [0, 0]) for at in panel.position.tolist()]
    free = next(at for at in range(5000, 6000) if at not in panel.position)
    base, other = ("ACGTA"[genome.contig(0)[free] + step] for step in (0, 1))
    text = (world / f"{CANARY}.vcf").read_text()
    (tmp_path / "more.vcf").write_text(
        f"{text}chr1\t{free + 1}\t.\t{base}\t{other}\t.\t.\t.\tGT\t1|0\n"
    )
    more = with_donor(panel, tmp_path / "more.vcf", CANARY, genome)
    site = more.position.tolist().index(free)
    assert (np.diff(more.position) > 0).all()
    assert more.alleles[site].sum() == 1
    assert more.alleles[site, -1].tolist() == [1, 0]
    (tmp_path / f"{CANARY}_bad.vcf").write_text(
        f"{text}chr1\t{free + 1}\t.\t{other}\t{base}\t.\t.\t.\tGT\t1|0\n"
    )
    with pytest.raises(AvatarflowError, match=r"^donor.vcf line \d+: REF differs"):
        with_donor(panel, tmp_path / f"{CANARY}_bad.vcf", CANARY, genome)


def test_a_panel_tells_more_of_longer_reads_and_nothing_where_all_are_alike(world):
    panel = read_panel(world / "panel.vcf", read_fasta(world / "host.fa"))
    means = [
        from_panel(
            panel, np.arange(8), Layout(length, True, 350, 50, 0.001), np.random.default_rng(1)
        ).mean
        for length in (50, 100, 150)
    ]
    assert 0.1 < means[0] < means[1] < means[2]
    alike = read_panel(world / "panel.vcf", read_fasta(world / "host.fa"))
    alike.alleles[:] = 0
    none = from_panel(
        alike, np.arange(8), Layout(100, True, 350, 50, 0.001), np.random.default_rng(1)
    )
    assert abs(none.mean) < 0.05


# --- gates

OWN = {"own_reads": {"fastq1": "a.fq"}, "reference": {"fasta": "host.fa"}}


def figures(**changes):
    good = {"tools": {"asked": 3, "without_verdicts": []}, "counts": {"spike_ins": 20_000},
            "miss_rate": {"value": 1e-4, "low": 0, "high": 5e-4, "n": 20_000},
            "signs": {"reference_share": 0.98, "reference_kmers": 6000, "fragments": 200, "unseen": 1,
                      "excess": {"value": 1.1, "low": 1.1, "high": 1.5, "n": 900}},
            "bits": {"value": 1.0, "low": 0.0, "high": 5.0, "n": 3}}  # fmt: skip
    return figures_of({**good, **changes}, 2)


LIMITS = {"calls": 1, "detection_tools": 2, "spike_ins": 10_000, "reference_match": 0.9, "human_signs": 0.02,
          "repeat_excess": 2, "miss_rate": 0.001, "bits_left": 8}  # fmt: skip


def test_all_gates_pass_and_each_can_refuse_alone():
    assert passed(hold_all(figures(), LIMITS), LIMITS)
    tighter = {
        "calls": 1.1,
        "detection_tools": 3,
        "spike_ins": 30_000,
        "reference_match": 0.99,
        "human_signs": 0.004,
        "repeat_excess": 1,
        "miss_rate": 4e-4,
        "bits_left": 4,
    }
    assert set(tighter) == set(RULES)
    for name, limit in tighter.items():
        limits = {**LIMITS, name: limit}
        gates = hold_all(figures(), limits)
        assert [gate.name for gate in gates if gate.result != "pass"] == [name]
        assert not passed(gates, limits)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"bits": {"value": None, "low": None, "high": None, "n": 0}}, "bits_left"),
        ({"bits": {"value": 1.0, "low": 0.0, "high": float("inf"), "n": 1}}, "bits_left"),
        ({"bits": {"value": 1.0, "low": 0.0, "high": float("nan"), "n": 1}}, "bits_left"),
        ({"miss_rate": None}, "miss_rate"),
    ],
)
def test_a_figure_without_an_upper_end_is_inconclusive(changes, name):
    gates = {gate.name: gate.result for gate in hold_all(figures(**changes), LIMITS)}
    assert gates[name] == "inconclusive"


def test_a_gate_without_a_limit_and_a_missing_gate_let_nothing_through():
    without = {**LIMITS, "bits_left": None}
    assert not passed(hold_all(figures(), without), without)
    assert not passed(hold_all(figures(), LIMITS)[:-1], LIMITS)
    assert not passed([], LIMITS)
    off = {**LIMITS, "human_signs": 1}
    assert passed(hold_all(figures(), off), off)
    assert not passed(hold_all(figures(), off), LIMITS)  # nobody switched it off


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"own_reads": None}, "read_releases.r.own_reads: no reads"),
        (
            {"donor": {"vcf": "d.vcf", "sample": "d"}},
            "read_releases.r.donor: no panel; give the panel too",
        ),
        (
            {"detection_tools": [{"tool": "bowtie2", "setting": "very-sensitive-local-unpaired"}]},
            "which removes already",
        ),
        (
            {"detection_tools": [{"tool": "nobody", "setting": "x"}]},
            "r.detection_tools: unknown nobody x",
        ),
    ],
)
def test_what_a_release_cannot_be(changes, line):
    with pytest.raises(AvatarflowError, match=line):
        load({"read_releases": {"r": {**OWN, **changes}}})


def test_a_release_and_a_benchmark_of_one_name_are_refused():
    with pytest.raises(AvatarflowError, match=r"read_releases.r: the name of a read benchmark too"):
        load(
            {
                "read_releases": {"r": OWN},
                "read_benchmarks": {"r": {}},
            }
        )
