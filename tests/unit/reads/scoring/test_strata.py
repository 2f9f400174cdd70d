"""Classes of places and lengths, the two mate rules, and intervals over donors in every stratum."""

import json

import numpy as np
import pandas as pd
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.genomes.genome import Genome, cut, read_fasta, write_fasta
from avatarflow.reads.genomes.random_genomes import made_up_host, made_up_repeats
from avatarflow.reads.genomes.regions import Regions, bed_rows, find_regions, lower_case
from avatarflow.reads.scoring.mate_rules import write_mate_rules
from avatarflow.reads.scoring.mcnemar import mcnemar
from avatarflow.reads.scoring.residual import residual_share, residuals
from avatarflow.reads.scoring.score import write_scores
from avatarflow.reads.scoring.strata import strata
from avatarflow.runs.context import Step

TEXT = ">1 one\nACGTacgtNN\nnnACGTACgt\n>chrM\n" + "ACGTACGTAC" * 100 + "\n>Y\nacgt\n"


@pytest.fixture
def host(tmp_path):
    (tmp_path / "masked.fa").write_text(TEXT)
    write_fasta(tmp_path / "host.fa", read_fasta(tmp_path / "masked.fa"))
    return tmp_path


def found(host, beds=None, **reference):
    settings = {"fasta": str(host / "masked.fa"), "generated_bp": 1, **reference}
    find_regions(
        str(host / "host.fa"), settings, beds or {}, 1, host / "regions.parquet", Step.null()
    )
    return Regions.read(host / "regions.parquet")


def test_lower_case_is_repeats_and_contigs_are_known_by_their_names(host):
    rows = set(found(host).table.itertuples(index=False, name=None))
    assert rows == {
        ("1", 4, 8, "repeat"), ("1", 10, 12, "repeat"), ("1", 18, 20, "repeat"), ("Y", 0, 4, "repeat"),
        ("chrM", 0, 1000, "chrM"), ("Y", 0, 4, "chrY"),
    }  # fmt: skip


def test_regions_follow_a_part_that_was_cut_out(host):
    part = cut(read_fasta(host / "masked.fa"), "1:6-19")
    assert lower_case(host / "masked.fa", part) == [
        ("1_6_19", 0, 3),
        ("1_6_19", 5, 7),
        ("1_6_19", 13, 14),
    ]
    (host / "x.bed").write_text("track x\n1\t0\t7\tname\n2\t0\t5\n1\t17\t900\n\n1\t500\t600\n")
    assert bed_rows(host / "x.bed", part) == [("1_6_19", 0, 2), ("1_6_19", 12, 14)]


def test_a_bed_file_named_repeat_takes_the_place_of_lower_case(host):
    (host / "x.bed").write_text("1\t5\t7\n1\t0\t6\n")
    regions = found(host, {"repeat": str(host / "x.bed"), "mine": str(host / "x.bed")})
    table = regions.table[regions.table["region"].isin(["repeat", "mine"])]
    assert table.to_numpy().tolist() == [["1", 0, 7, "mine"], ["1", 0, 7, "repeat"]]


@pytest.mark.parametrize("line", ["1\t3", "1\tx\t9", "1\t9\t9", "1\t-1\t4", "1 3 4"])
def test_refuses_a_bad_bed_line_with_file_and_line(host, line):
    (host / "x.bed").write_text(f"1\t0\t6\n{line}\n")
    with pytest.raises(AvatarflowError, match=r"x\.bed line 2: not contig, start and a larger end"):
        found(host, {"mine": str(host / "x.bed")})


def test_refuses_all_bad_bed_files_at_once(host):
    (host / "x.bed").write_text("7\t0\t6\n")
    with pytest.raises(AvatarflowError) as caught:
        found(host, {"mine": str(host / "x.bed"), "yours": str(host / "none.bed")})
    assert "no interval on the host" in str(caught.value)
    assert "no such file" in str(caught.value)


def test_places_are_found_as_by_looking_at_every_interval():
    random = np.random.default_rng(1)
    starts = np.sort(random.choice(1000, 60, replace=False))
    rows = [("a", int(s), int(s) + 1 + int(random.integers(9)), "x") for s in starts[::2]]
    rows = [
        row
        for row, after in zip(rows, [*rows[1:], ("a", 2000, 0, "")], strict=True)
        if row[2] <= after[1]
    ]
    rows += [("b", 5, 10, "y")]
    table = pd.DataFrame(rows, columns=["contig", "start", "end", "region"])
    contig = np.array(["a", "b", "c"], object)[random.integers(0, 3, 3000)]
    place = random.integers(0, 1010, 3000)
    masks = Regions(table).masks(contig, place)
    for name in ("x", "y"):
        slow = [
            any(c == d and s <= p < e and r == name for d, s, e, r in rows)
            for c, p in zip(contig, place, strict=True)
        ]
        assert masks[name].tolist() == slow
        assert any(slow)
    assert (masks["elsewhere"] == ~(masks["x"] | masks["y"])).all()


def test_made_up_repeats_are_where_the_genome_has_copies():
    genome = made_up_host(30_000, 1)
    spans = made_up_repeats(30_000, 1)
    assert len(spans) == 30
    copies = [
        genome.codes[start:end] for start, end in spans[-8:]
    ]  # the last ones are not written over
    same = max((a == b).mean() for i, a in enumerate(copies) for b in copies[:i])
    assert same > 0.75  # two of one family, each 10 % diverged
    free = genome.codes[:300] if not any(start < 300 for start, _ in spans) else genome.codes[-300:]
    assert max((free == one).mean() for one in copies) < 0.5


def fragments(regions=True):
    rows = [
        ("human", "human", "1", 0, 12),
        ("human", "human", "1", 12, 20),
        ("human", "human", "chrM", 0, 350),
    ]
    rows += [
        ("human", "human", "chrM", 0, 700),
        ("microbe", "m", "1", 4, 8),
        ("junk", "junk", "", -1, -1),
    ]
    table = pd.DataFrame(rows, columns=["source", "taxon", "contig", "start", "end"])
    table["fragment"] = [f"r{i}" for i in range(len(table))]
    return table.assign(part="", donor="d")


def test_strata_of_places_count_human_fragments_by_their_middle_and_lengths_all(host):
    names = {name: mask.tolist() for name, mask in strata(fragments(), found(host))}
    assert names["region:repeat"] == [True, False, False, False, False, False]
    assert names["region:chrM"] == [False, False, True, True, False, False]
    assert names["region:elsewhere"] == [False, True, False, False, False, False]
    assert "region:chrY" not in names
    assert names["length:0-199"] == [True, True, False, False, True, False]
    assert names["length:300-399"] == [False, False, True, False, False, False]
    assert names["length:600-999"] == [False, False, False, True, False, False]
    one = fragments().iloc[:2]
    assert not [name for name, _ in strata(one) if name.startswith(("length", "region"))]
    own = fragments().drop(columns=["contig", "start", "end"])  # a user's truth knows no places
    assert {name.partition(":")[0] for name, _ in strata(own, found(host))} == {"all", "taxon"}


USAGE = {"status": "ok", "version": "t 1", "seconds": 1.0, "cpu_s": 1.0, "peak_mb": 1.0}


def cell(folder, donors, calls, status="ok"):
    """`calls` gives per donor the calls of both mates, human fragments first, half of all."""
    runs = []
    for donor, (one, two) in zip(donors, calls, strict=True):
        half = len(one) // 2
        taxa = ["human"] * half + ["a", "b"] * (half // 2)
        truth = pd.DataFrame(
            {"taxon": taxa, "source": ["human"] * half + ["microbe"] * half, "part": ""}
        )
        truth.insert(0, "fragment", [f"r{i}" for i in range(len(one))])
        paths = {key: str(folder / f"{donor}.{key}") for key in ("truth", "calls", "usage")}
        truth.to_parquet(paths["truth"])
        calls = pd.DataFrame({"fragment": truth["fragment"], "mate1": one, "mate2": two})
        calls.assign(removed=calls["mate1"] | calls["mate2"]).to_parquet(paths["calls"])
        (folder / f"{donor}.usage").write_text(json.dumps({**USAGE, "status": status}))
        runs.append({"donor": donor, **paths})
    (folder / "index").write_text(json.dumps(USAGE))
    return {
        "tool": "t",
        "setting": "s",
        "error": 0.1,
        "variation": 0.0,
        "index": str(folder / "index"),
        "runs": runs,
    }


def test_both_mate_rules_are_compared_on_the_same_fragments(tmp_path):
    one = np.array([1, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0], bool)
    two = np.array([1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0], bool)
    failed = cell(tmp_path, ["x"], [(one, two)], status="failed")
    write_mate_rules([cell(tmp_path, ["d"], [(one, two)]), failed], tmp_path / "m.tsv")
    table = pd.read_csv(tmp_path / "m.tsv", sep="\t").set_index("mate_rule")
    assert table.loc["either", ["tp", "fn", "fp", "tn"]].tolist() == [6, 2, 3, 5]
    assert table.loc["both", ["tp", "fn", "fp", "tn"]].tolist() == [3, 5, 0, 8]
    assert (table["human_in_either_only"] == 3).all()
    assert table["p_human"].tolist() == pytest.approx([mcnemar(3, 0)] * 2)
    assert len(table) == 2  # the failed one has no row


def test_every_stratum_has_an_interval_over_donors_and_shares_follow_it(tmp_path):
    calls = [
        np.array([1] * 8 + [0] * 8, bool),
        np.array([1] * 4 + [0] * 12, bool),
        np.array([1] * 6 + [0] * 9 + [1], bool),
    ]
    write_scores(
        [cell(tmp_path, ["d", "e", "f"], [(call, call) for call in calls])], tmp_path / "s.tsv"
    )
    table = pd.read_csv(tmp_path / "s.tsv", sep="\t").set_index("stratum")
    for stratum in ("all", "taxon:human"):
        low, high = table.loc[stratum, ["sensitivity_cluster_low", "sensitivity_cluster_high"]]
        assert (low, high) == (0.5, 1.0)  # all draws of one donor
    assert np.isnan(table.loc["donor:d", "sensitivity_cluster_low"])
    shares = residuals(table.reset_index(), [0.5]).iloc[0]
    ends = table.loc["all", ["sensitivity_cluster_high", "specificity_cluster_high"]]
    assert shares["residual_share_cluster_low"] == pytest.approx(residual_share(0.5, *ends))
    assert (
        shares["residual_share_cluster_low"]
        <= shares["residual_share"]
        <= shares["residual_share_cluster_high"]
    )


def test_a_genome_without_any_class_has_no_such_stratum(tmp_path):
    write_fasta(tmp_path / "host.fa", Genome.of([("1", np.zeros(50, np.uint8))]))
    (tmp_path / "masked.fa").write_text(">1\n" + "A" * 50 + "\n")
    assert found(tmp_path).masks(np.array(["1"], object), np.array([3])) == {}
