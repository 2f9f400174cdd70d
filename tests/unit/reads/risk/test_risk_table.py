"""Bases at sites from simulated reads and from alignments; the table of a benchmark; refused panels."""

import itertools

import numpy as np
import pandas as pd
import pysam
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.genomes.genome import LETTERS, Genome, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.risk.figure import plot_risk
from avatarflow.reads.risk.genetic_map import read_map
from avatarflow.reads.risk.panel import read_panel
from avatarflow.reads.risk.placing import aligned_observations
from avatarflow.reads.risk.table import MEASURED, NO_CALLS, NO_PANEL, write_risk
from avatarflow.runs.context import Step

HEAD = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
LENGTH, SITES, PEOPLE = 60_000, 300, 12
SETTINGS = {"population": 1000, "theta": 0.01, "r2": 0.1, "effective_size": 11418, "folds": 3, "map": None,
            "bootstrap": 100}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A genome, a panel, and pairs of two of its people, with an insertion and a deletion in each haplotype."""
    folder = tmp_path_factory.mktemp("world")
    genome = random_genome("chr1", LENGTH, 0.41, 0.0, 1)
    text = LETTERS[genome.codes].tobytes().decode()
    write_fasta(folder / "host.fa", genome)
    random = np.random.default_rng(7)
    at = np.sort(random.choice(np.arange(1000, LENGTH - 1000, 20), SITES, replace=False))
    alleles = random.random((SITES, PEOPLE, 2)) < random.uniform(0.2, 0.8, SITES)[:, None, None]
    names = [f"p{i}" for i in range(PEOPLE)]
    alt = [{"A": "G", "G": "A", "C": "T", "T": "C"}[text[p]] for p in at]
    lines = [
        f"chr1\t{p + 1}\t.\t{text[p]}\t{b}\t.\t.\t.\tGT\t"
        + "\t".join(f"{int(x)}|{int(y)}" for x, y in calls)
        for p, b, calls in zip(at, alt, alleles, strict=True)
    ]
    (folder / "panel.vcf").write_text(HEAD + "\t".join(names) + "\n" + "\n".join(lines) + "\n")
    runs = {}
    for person in (0, 1):
        rows = [
            (int(p), text[p], b, *map(int, calls[person]))
            for p, b, calls in zip(at, alt, alleles, strict=True)
        ]
        gaps = [
            (30_010 + 20 * i, 1 - i % 2)
            for i in range(2)
            if not np.isin(30_010 + 20 * i + np.arange(6), at).any()
        ]
        rows += [
            (p, text[p : p + 4], text[p], 1, 0) if kind else (p, text[p], text[p] + "GATTA", 0, 1)
            for p, kind in gaps
        ]
        variants = pd.DataFrame(
            sorted(rows), columns=["position", "ref", "alt", "allele1", "allele2"]
        )
        variants.insert(0, "contig", "chr1")
        variants = variants[(variants["allele1"] > 0) | (variants["allele2"] > 0)]
        runs[person] = simulate(folder, f"d{person}", text, variants, np.random.default_rng(person))
    return folder, genome, at, alleles, runs


def simulate(folder, name, text, variants, random, count=120, length=100):
    """Perfect pairs cut from the haplotypes letter by letter, with their true alignments."""
    haplotypes = []
    for allele in ("allele1", "allele2"):
        # places: reference position of each letter, -1 for inserted ones
        letters, places, cursor = [], [], 0
        for row in variants[variants[allele] > 0].sort_values("position").itertuples():
            letters += [text[cursor : row.position], row.alt]
            places += [*range(cursor, row.position + 1), *[-1] * (len(row.alt) - 1)]
            cursor = row.position + len(row.ref)
        haplotypes.append(("".join([*letters, text[cursor:]]), [*places, *range(cursor, LENGTH)]))
    truth, header = (
        [],
        {"HD": {"VN": "1.6"}, "SQ": [{"SN": "microbe:x", "LN": 9}, {"SN": "chr1", "LN": LENGTH}]},
    )
    with pysam.AlignmentFile(folder / f"{name}.bam", "wb", header=header) as bam:
        for number in range(count):
            which = int(random.integers(0, 2))
            sequence, places = haplotypes[which]
            left = 29_850 if number < 6 else int(random.integers(0, len(sequence) - 400))
            truth.append(
                (f"r{number}", "human", "chr1", which + 1, places[left], places[left] + 300, "+")
            )
            for mate, first in enumerate((left, left + 200)):
                bam.write(
                    alignment(
                        bam,
                        f"r{number}",
                        mate,
                        sequence[first : first + length],
                        places[first : first + length],
                    )
                )
    columns = ["fragment", "source", "contig", "haplotype", "start", "end", "strand"]
    pd.DataFrame(truth, columns=columns).to_parquet(folder / f"{name}.truth.parquet")
    return {
        "donor": name,
        "truth": str(folder / f"{name}.truth.parquet"),
        "bam": str(folder / f"{name}.bam"),
    }


def alignment(bam, name, mate, bases, places):
    read = pysam.AlignedSegment(bam.header)
    read.query_name, read.flag, read.reference_id = name, 0x93 if mate else 0x43, 1
    read.query_sequence, read.mapping_quality = bases, 60
    read.query_qualities = pysam.qualitystring_to_array("I" * len(bases))
    steps, last = [], None
    for place in places:
        if place < 0:
            steps.append("S" if last is None else "I")
            continue
        if last is not None:
            steps += ["D"] * (place - last - 1)
        steps.append("M")
        last = place
    read.reference_start = next(place for place in places if place >= 0)
    read.cigarstring = "".join(
        f"{len(list(group))}{kind}" for kind, group in itertools.groupby(steps)
    )
    return read


def test_every_base_is_the_allele_of_its_haplotype_indels_and_strands_included(world):
    folder, genome, at, alleles, runs = world
    panel = read_panel(folder / "panel.vcf", genome)
    assert panel.position.tolist() == at.tolist()
    assert (panel.alleles == alleles).all()
    for person, run in runs.items():
        truth = pd.read_parquet(run["truth"])
        observed = aligned_observations(
            run["bam"], panel, {name: row for row, name in enumerate(truth["fragment"])}
        )
        assert len(observed) > 100
        haplotype = truth["haplotype"].to_numpy()[observed.fragment] - 1
        carried = alleles[observed.site, person, haplotype]
        assert (
            observed.base == np.where(carried, panel.alt[observed.site], panel.ref[observed.site])
        ).all()
        assert set(observed.error) == {1e-3}


def cells(world, folder, kept=None, donors=("d0", "d1")):
    _, _, _, _, runs = world
    own = []
    for run in runs.values():
        truth = pd.read_parquet(run["truth"])
        calls = pd.DataFrame({"fragment": truth["fragment"], "removed": False})
        if kept is not None:
            calls["removed"] = np.arange(len(calls)) >= kept
        path = folder / f"{run['donor']}.calls.parquet"
        calls.to_parquet(path)
        if run["donor"] in donors:
            own.append({**run, "calls": str(path)})
    return [{"tool": "t", "setting": "s", "error": 0.0, "variation": 0.0, "runs": own}]


def table(world, tmp_path, settings=SETTINGS, panels=True, **options):
    vcf = str(world[0] / "panel.vcf")
    donors = {
        f"d{i}": {"sex": None, "panel": {"vcf": vcf, "sample": f"p{i}"} if panels else None}
        for i in (0, 1)
    }
    chosen = cells(world, tmp_path, **options)
    write_risk(
        chosen, str(world[0] / "host.fa"), donors, settings, 1, tmp_path / "risk.tsv", Step.null()
    )
    return pd.read_csv(tmp_path / "risk.tsv", sep="\t").iloc[0]


def test_donors_are_found_and_no_misses_tell_nothing(world, tmp_path):
    row = table(world, tmp_path)
    assert row["result"] == MEASURED
    assert (row["residual_fragments"], row["donors"], row["rank_1_share"]) == (240, 2, 1.0)
    assert row["bits"] > 12
    assert row["bits_low"] <= row["bits"] <= row["bits_high"]
    assert row["bits_everywhere"] >= row["bits"]
    assert row["bits_parent"] > 1
    assert row["anonymity_set"] == pytest.approx(1, abs=0.5)
    few = table(world, tmp_path, kept=3)
    assert few["bits"] < row["bits"]
    none = table(world, tmp_path, kept=0)
    assert (none["residual_fragments"], none["bits"], none["anonymity_set"]) == (0, 0, 1000)
    plot_risk(tmp_path / "risk.tsv", tmp_path / "risk.png")
    assert (tmp_path / "risk.png").read_bytes().startswith(b"\x89PNG")


def test_what_was_not_measured_says_so(world, tmp_path):
    one = table(world, tmp_path, donors=("d0",))
    assert one["result"] == MEASURED
    assert np.isnan(one["bits_low"])  # one donor has no interval over donors
    without = table(world, tmp_path, panels=False)
    assert without["result"] == NO_PANEL
    assert np.isnan(without["bits"])
    plot_risk(tmp_path / "risk.tsv", tmp_path / "risk.png")
    chosen = cells(world, tmp_path)
    pd.read_parquet(chosen[0]["runs"][0]["calls"]).iloc[1:].to_parquet(
        chosen[0]["runs"][0]["calls"]
    )
    donors = {"d0": {"sex": None, "panel": None}}
    found = write_risk(chosen, "", donors, SETTINGS, 1, tmp_path / "risk.tsv", Step.null())
    assert found["result"].tolist() == [NO_CALLS]


def test_bases_of_an_alignment(world, tmp_path):
    folder, genome, at, _, _ = world
    panel = read_panel(folder / "panel.vcf", genome)
    first = int(at[3])
    sam = f"@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:{LENGTH}\n"
    # two bases deleted behind the site
    sequence = "".join("ACGT"[genome.codes[first - 2 + i]] for i in (0, 1, 2, 5))
    sam += f"0\t0\tchr1\t{first - 1}\t60\t3M2D1M\t*\t0\t0\t{sequence}\t5555\n"
    sam += (
        f"1\t0\tchr1\t{first - 1}\t3\t4M\t*\t0\t0\tAAAA\t5555\n"
        + "2\t4\t*\t0\t0\t*\t*\t0\t0\tAAAA\t5555\n"
    )
    (tmp_path / "x.sam").write_text(sam)
    observed = aligned_observations(tmp_path / "x.sam", panel, {"0": 0, "1": 1, "2": 2}, 10)
    assert (observed.site.tolist(), observed.base.tolist()) == ([3], [int(panel.ref[3])])
    assert observed.error[0] == pytest.approx(0.01)


GENOME = Genome.of([("1", np.array([0, 1, 2, 3] * 5, np.uint8))])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("p\n1\t1\t.\tA\tG\t.\t.\t.\tGT\t0|1\n", "line 2: 1 people where 2 are needed"),
        (
            "p\tq\n1\t1\t.\tC\tG\t.\t.\t.\tGT\t0|1\t0|0\n",
            "line 3: REF differs from the reference genome",
        ),
        (
            "p\tq\n1\t1\t.\tA\tG\t.\t.\t.\tGT\t0|1\n",
            r"line 3: 10 columns where the header has 11 \(truncated",
        ),
        ("p\tq\n2\t1\t.\tA\tG\t.\t.\t.\tGT\t0|1\t0|0\n", "no informative site"),
        ("p\tq\n1\t1\t.\tA\tAG\t.\t.\t.\tGT\t0|1\t0|0\n", "no informative site"),
        ("p\tq\n1\tx\t.\tA\tG\t.\t.\t.\tGT\t0|1\t0|0\n", "line 3: a position that is no number"),
        ("p\tq\n1\t1\t.\tA\tG\t.\t.\t.\tGT\t0|1|1\t0|0\n", "line 3: a genotype that is neither"),
    ],
)
def test_refuses_panels_with_file_and_line(tmp_path, body, message):
    (tmp_path / "panel.vcf").write_text(HEAD + body)
    with pytest.raises(AvatarflowError, match=message):
        read_panel(tmp_path / "panel.vcf", GENOME)


def test_every_line_off_the_reference_is_told_and_the_donor_is_asked_for_by_name(tmp_path):
    lines = ""
    for i in (2, 3):
        lines += f"1\t{i}\t.\tN\tG\t.\t.\t.\tGT\t0|1\t0|0\n"
        lines += f"1\t{i}\t.\t{'GTAC'[i % 4]}\tG\t.\t.\t.\tGT\t0|1\t0|0\n"
    (tmp_path / "panel.vcf").write_text(HEAD + "p\tq\n" + lines)
    with pytest.raises(AvatarflowError) as refused:
        read_panel(tmp_path / "panel.vcf", GENOME)
    assert len(str(refused.value).splitlines()) == 2
    (tmp_path / "panel.vcf").write_text(HEAD + "p\tq\n1\t1\t.\tA\tG\t.\t.\t.\tGT:DP\t0/1:3\t.\n")
    panel = read_panel(tmp_path / "panel.vcf", GENOME)
    assert panel.phased.tolist() == [False, True]
    assert panel.alleles.tolist() == [[[0, 1], [0, 0]]]
    with pytest.raises(AvatarflowError, match="the asked sample is not in this VCF"):
        panel.index("HG1", "donor.vcf")


def test_a_map_must_rise(tmp_path):
    (tmp_path / "map").write_text("pos\tchr\tcM\n1\t1\t0\n11\t1\t2\n")
    lengths = read_map(tmp_path / "map", GENOME)
    assert lengths.centimorgans(0, np.array([0, 5, 10])).tolist() == [0, 1, 2]
    assert lengths.between(np.array([0, 0, 1]), np.array([0, 5, 0])).tolist() == [0.01, np.inf]
    (tmp_path / "map").write_text("pos\tchr\tcM\n11\t1\t2\n1\t1\t3\n")
    with pytest.raises(AvatarflowError, match="line 3: a map that does not rise"):
        read_map(tmp_path / "map", GENOME)
