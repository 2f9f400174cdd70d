"""Nanopore reads: the knobs are independent, the laws are as asked, and bad settings are refused."""

import itertools

import numpy as np
import pytest
from long_world import END, START, rate_and_error, records_in
from scipy.stats import norm

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.donors.haplotype import haplotype
from avatarflow.reads.donors.variation import Rates, draw_variants
from avatarflow.reads.genomes.genome import CODE_OF, Genome, N
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.simulation.causes import runs
from avatarflow.reads.simulation.mixture import Mixture
from avatarflow.reads.simulation.nanopore.blocks import BLOCK, LongSimulator
from avatarflow.reads.simulation.nanopore.errors import (
    LONGEST_RUN,
    read_long_profile,
    run_lengths,
    run_shares,
)
from avatarflow.reads.simulation.nanopore.fragments import LongLayout
from avatarflow.reads.simulation.sources import sources_of

ERRORS, LEVELS = (0.01, 0.05, 0.10, 0.15), (0, 0.001, 0.01, 0.05)
HOST, MICROBE = random_genome("chr1", 300_000, 0.41, 0.3, 1), random_genome("m", 50_000, 0.5, 0, 1)
FAMILY = 0.01 / (len(ERRORS) * len(LEVELS))  # chance of one false alarm, shared by all cells
PLACES = [
    "fragment",
    "source",
    "taxon",
    "contig",
    "kind",
    "haplotype",
    "start",
    "end",
    "strand",
    "part",
]
ADAPTERS = {"start": {"share": 0.9, "sequence": START}, "end": {"share": 0.5, "sequence": END}}
LONG = {
    "length_distribution": "gamma",
    "mean_bp": 1500,
    "sd_bp": 1000,
    "min_bp": 200,
    "max_bp": 10_000,
    "chimeras": 0.03,
    "junk": 0.03,
}
LONG |= {"adapters": ADAPTERS}


def simulator(root, sources, error, **changes):
    model = read_long_profile(root / "resources" / "error_profiles" / "nanopore.tsv")
    layout, mixture = LongLayout.of({"long": {**LONG, **changes}}), Mixture.of(0.8, {"m": 1.0})
    return LongSimulator(
        sources, mixture, layout, model, error, {"fragments": 1, "errors": 1}, "donor"
    )


def events(record, mark):
    """What the machine did, by place on the reference: substituted base, inserted bases before it, deleted."""
    found, at, read = {}, record.reference_start, 0
    for run in runs(record):
        text = record.query_sequence[read : read + run.length]
        if run.cause in "xd":
            found |= {
                (mark, at + i): text[i : i + 1] if run.cause == "x" else "-"
                for i in range(run.length)
            }
        elif run.cause == "i":
            found[mark, at, "inserted"] = text
        at += run.length if run.cause in "=VDxd" else 0
        read += run.length if run.cause not in "Dd" else 0
    return found


class Cell:
    """One block of one cell: errors by place, columns, and the truth table."""

    def __init__(self, root, sources, error, path):
        _, _, raw, table = simulator(root, sources, error).block(0, BLOCK)
        self.truth, self.events, self.bad, self.columns, self.spans = (
            table.to_pandas(),
            {},
            [],
            [],
            {},
        )
        for number, record in enumerate(records_in(sources, raw, path)):
            if record.is_unmapped or not record.has_tag("HP"):
                continue
            counts = dict.fromkeys("=VIDxyids", 0)
            for run in runs(record):
                counts[run.cause] += run.length
            self.bad.append(sum(counts[letter] for letter in "xyid"))
            self.columns.append(sum(counts[letter] for letter in "=VIxyid"))
            self.events |= events(record, number)
            self.spans[number] = record.reference_start, record.reference_end

    def covers(self, place):
        """Whether the read's alignment has the place: bases skipped at its ends belong to none."""
        return self.spans[place[0]][0] <= place[1] < self.spans[place[0]][1]


@pytest.fixture(scope="module")
def grid(root, tmp_path_factory):
    """Every cell, and each level's haplotypes."""
    path, rates = tmp_path_factory.mktemp("grid") / "truth.bam", Rates(indel_share=0.2)
    cells, people = {}, {}
    for level in LEVELS:
        people[level] = draw_variants(HOST, level, rates, 1, "donor")
        sources = sources_of(HOST, people[level], {}, {"m": MICROBE})
        cells |= {(error, level): Cell(root, sources, error, path) for error in ERRORS}
    return cells, people


def test_identity_is_as_asked_in_every_cell(grid):
    for (error, level), cell in grid[0].items():
        found, spread = rate_and_error(cell.bad, cell.columns)
        assert abs(found - error) < norm.isf(FAMILY / 2) * spread, (error, level)
        assert spread < 0.06 * error  # else the check is worth nothing


def test_reads_are_identical_over_the_grid(grid):
    first = grid[0][ERRORS[0], 0].truth[PLACES]
    assert set(first["kind"]) == {"plain", "chimera", "junk"}
    for cell in grid[0].values():
        assert cell.truth[PLACES].equals(first)


def test_a_higher_error_adds_events_and_moves_none(grid):
    """What is there at a low level is there at a higher one, or its base is skipped now."""
    for level, (low, high) in itertools.product(LEVELS, itertools.pairwise(ERRORS)):
        few, many = grid[0][low, level].events, grid[0][high, level].events
        kept = sum(many.get(place) == what for place, what in few.items())
        assert kept > 0.93 * len(few) > 100
        for place, what in few.items():
            if (
                place[-1] != "inserted"
                and many.get(place) != what
                and grid[0][high, level].covers(place)
            ):
                assert many.get(place) == "-", place


def test_variation_leaves_errors_where_they_are_also_behind_indels(grid):
    """Places in equal homopolymers: all but those that a variant of the person touches."""
    cells, people = grid
    for level in LEVELS[1:]:
        near = np.zeros(len(HOST.codes) + 1, bool)
        own = run_lengths(HOST.codes, HOST.starts)
        for copy in ("allele1", "allele2"):
            for edit in haplotype(HOST, people[level], copy).edits:
                for start, length in zip(edit.ref, edit.length, strict=True):
                    around = own[max(start - 1, 0) : start + length + 1].max()
                    near[max(start - around - 2, 0) : start + length + around + 2] = True
        for error in ERRORS:
            base, other = cells[error, 0].events, cells[error, level].events
            both = (cells[error, 0], cells[error, level])
            far = {place for place in base.keys() | other.keys() if not near[place[1]]}
            far = {place for place in far if all(cell.covers(place) for cell in both)}
            moved = [place for place in far if base.get(place) != other.get(place)]
            assert len(far) > 1000
            # a deletion of several bases that begins near a variant may reach beyond its neighbourhood
            assert all("-" in (base.get(place, ""), other.get(place, "")) for place in moved)
            assert len(moved) < 0.004 * len(far)


def test_homopolymers_lose_and_gain_bases_by_their_law(root, tmp_path):
    """Deletions and insertions per base by the length of the homopolymer, against the profile's law."""
    model = read_long_profile(root / "resources" / "error_profiles" / "nanopore.tsv")
    sources, error = (
        sources_of(HOST, draw_variants(HOST, 0, Rates(), 1, "donor"), {}, {"m": MICROBE}),
        0.05,
    )
    tool, length = (
        simulator(root, sources, error, chimeras=0.0, junk=0.0),
        run_lengths(HOST.codes, HOST.starts),
    )
    begun, seen = np.zeros((3, LONGEST_RUN + 1)), np.zeros(LONGEST_RUN + 1)
    for block in range(6):
        for record in records_in(sources, tool.block(block, BLOCK)[2], tmp_path / "truth.bam"):
            at, parts = record.reference_start, runs(record)
            if record.is_reverse or not record.has_tag("HP"):
                continue  # an event begins where the machine meets it first
            for run in parts:
                if run.cause in "xid":
                    where = at - 1 if run.cause == "i" else at
                    begun["xid".index(run.cause), length[where]] += 1
                if run.cause in "=xd":
                    np.add.at(seen, length[at : at + run.length], 1)
                    at += run.length
    chances = model.chances(
        model.solved(error, run_shares(HOST.codes, HOST.starts)),
        run_shares(HOST.codes, HOST.starts),
    )
    for row, law in ((1, chances[1]), (2, chances[2])):
        for size in (1, 2, 3, 4, 5):
            expected = law[:, size - 1].mean()
            # reads differ; covered bases begin nothing
            slack = 5 * np.sqrt(expected * 2.5 / seen[size]) + 0.05 * expected
            assert abs(begun[row, size] / seen[size] - expected) < slack, (row, size)
    assert begun[2, 5] / seen[5] > 1.7 * begun[2, 1] / seen[1]


@pytest.mark.parametrize("law", ["gamma", "lognormal"])
def test_lengths_follow_their_law(law):
    layout = LongLayout.of(
        {
            "long": {
                **LONG,
                "length_distribution": law,
                "mean_bp": 5000,
                "sd_bp": 3000,
                "min_bp": 50,
                "max_bp": 500_000,
            }
        }
    )
    lengths = layout.lengths((np.arange(100_000) + 0.5) / 100_000)
    assert lengths.mean() == pytest.approx(5000, rel=0.005)
    assert lengths.std() == pytest.approx(3000, rel=0.01)
    assert np.median(lengths) == pytest.approx({"gamma": 4415, "lognormal": 4287}[law], rel=0.005)
    assert (np.diff(lengths) >= 0).all()


def test_reads_stay_inside_contigs_and_off_unknown_bases(root, tmp_path):
    codes = random_genome("a", 20_000, 0.5, 0, 1).codes.copy()
    codes[5000:9000] = N
    host = Genome.of([("a", codes), ("b", codes[:1500])])
    sources = sources_of(host, draw_variants(host, 0, Rates(), 1, "donor"), {}, {"m": MICROBE})
    table = simulator(root, sources, 0.05, mean_bp=4000).block(0, BLOCK)[3].to_pandas()
    table = table[table["source"] == "human"]
    first = table[table["contig"] == "a"]
    assert ((first["end"] <= 5000) | (first["start"] >= 9000)).all()
    assert (table["end"] <= table["contig"].map({"a": 20_000, "b": 1500})).all()
    assert (table["end"] - table["start"] >= LONG["min_bp"]).all()
    assert (first["end"] == 5000).any()
    assert (first["start"] == 9000).any()


def test_run_lengths_end_with_contigs_and_unknown_bases():
    codes = CODE_OF[np.frombuffer(b"AAACNNGGGGT", np.uint8)]
    assert run_lengths(codes, np.array([0, 2, 11])).tolist() == [2, 2, 1, 1, 1, 1, 4, 4, 4, 4, 1]


def test_refuses_what_cannot_be(root, tmp_path):
    path = root / "resources" / "error_profiles" / "nanopore.tsv"
    with pytest.raises(
        AvatarflowError,
        match=r"reads.error: 0.9 is too high for this profile; ask for 0\.\d+ or less",
    ):
        read_long_profile(path).check(0.9)
    with pytest.raises(AvatarflowError, match="no nanopore error profile; give a TSV"):
        read_long_profile(root / "resources" / "error_profiles" / "illumina.tsv")
    broken = tmp_path / "broken.tsv"
    broken.write_text(
        path.read_text().replace("phred\t3\t15\n", "").replace("error\t0\t0.05\n", "")
    )
    with pytest.raises(AvatarflowError) as caught:
        read_long_profile(broken)
    assert [line.split("; ")[0].rpartition(": ")[2] for line in str(caught.value).splitlines()] == [
        "not one value of error", "not 5 values of phred",
    ]  # fmt: skip
    with pytest.raises(
        AvatarflowError, match="no lengths of the distribution between 5000 and 5001 bases"
    ):
        LongLayout.of(
            {"long": {**LONG, "mean_bp": 300, "sd_bp": 10, "min_bp": 5000, "max_bp": 5001}}
        ).lengths(np.zeros(1))
    sources = sources_of(HOST, draw_variants(HOST, 0, Rates(), 1, "donor"), {}, {"m": MICROBE})
    with pytest.raises(AvatarflowError, match="no room for a read of 60000 bases"):
        simulator(root, sources, 0.05, min_bp=60_000, mean_bp=90_000, max_bp=200_000).block(0, 60)
