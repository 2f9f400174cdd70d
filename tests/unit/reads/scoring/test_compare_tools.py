"""Tools against each other, clusters, other host shares, and the pages for people."""

import json

import numpy as np
import pandas as pd
import pytest

from avatarflow.core.statistics import cluster_interval
from avatarflow.reads.scoring.alleles import odds_ratio, write_allele_bias
from avatarflow.reads.scoring.mcnemar import compare, holm, mcnemar
from avatarflow.reads.scoring.pages import write_multiqc, write_page
from avatarflow.reads.scoring.pareto import not_beaten, plot_pareto
from avatarflow.reads.scoring.residual import residual_share, write_residuals
from avatarflow.reads.scoring.score import write_scores


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (0, 0, 1),
        (5, 5, 1),
        (0, 5, 0.0625),
        (1, 9, 22 / 1024),
        (9, 1, 22 / 1024),
        (3, 7, 0.34375),
    ],  # binomial tails
)
def test_mcnemar_known_values(only_a, only_b, p):
    assert mcnemar(only_a, only_b) == pytest.approx(p)


def test_mcnemar_of_large_counts_is_near_the_normal_law():
    # z = 199/sqrt(10200) with continuity
    assert mcnemar(5000, 5200) == pytest.approx(0.0487, abs=0.0005)


def test_holm_known_values_and_order():
    # statsmodels' example
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1, 1]


def test_clusters_know_more_than_their_fragments():
    low, high = cluster_interval([90, 50], [100, 100], 1)
    assert (low, high) == (0.5, 0.9)
    assert np.isnan(cluster_interval([90], [100], 1)).all()
    assert np.isnan(cluster_interval([90, 0], [100, 0], 1)).all()  # an empty cluster is none
    assert cluster_interval([10, 10, 10], [10, 10, 10], 1) == (1, 1)


@pytest.mark.parametrize(
    ("share", "sensitivity", "specificity", "left"),
    [
        (0.5, 1, 1, 0),
        (0.5, 0, 1, 0.5),
        (0.9, 0.99, 1, 0.009 / 0.109),
        (0.5, 0.5, 0.5, 0.5),
        (1, 0.9, 1, 1),
    ],
)
def test_residual_share_known_values(share, sensitivity, specificity, left):
    assert residual_share(share, sensitivity, specificity) == pytest.approx(left)


def test_nothing_left_is_no_share():
    assert np.isnan(residual_share(1, 1, 1))


def test_who_is_beaten():
    rows = [(0.9, 1, 10), (0.9, 1, 20), (0.99, 0.5, 1), (0.9, 1, 20)]
    table = pd.DataFrame(rows, columns=["sensitivity", "specificity", "fragments_per_cpu_s"])
    assert not_beaten(table).tolist() == [False, True, True, True]


def cells(folder, **removed):
    """Cells of tools on ten human fragments of two donors each and six of two microbes."""
    source = ["human"] * 10 + ["microbe"] * 6
    truth = pd.DataFrame(
        {"source": source, "taxon": ["human"] * 10 + ["a"] * 3 + ["b"] * 3, "part": ""}
    )
    truth["variants"] = [0, 2] * 8
    truth.insert(0, "fragment", [f"r{i}" for i in range(16)])
    truth.to_parquet(folder / "truth.parquet")
    usage = {"status": "ok", "version": "1", "seconds": 1.0, "cpu_s": 2.0, "peak_mb": 3.0}
    (folder / "usage.json").write_text(json.dumps(usage))
    found = []
    for tool, calls in removed.items():
        runs = []
        for donor in ("d1", "d2"):
            path = folder / f"{tool}.parquet"
            truth[["fragment"]].assign(removed=[call == "1" for call in calls]).to_parquet(path)
            files = {
                "truth": folder / "truth.parquet",
                "calls": path,
                "usage": folder / "usage.json",
            }
            runs.append({"donor": donor, **{key: str(value) for key, value in files.items()}})
        level = {"error": 0.1, "variation": 0, "setting": "s", "index": str(folder / "usage.json")}
        found.append({"tool": tool, **level, "runs": runs})
    return found


A, B = "1111111100" + "100000", "1111000001" + "000111"


def test_comparison_counts_who_alone_is_right(tmp_path):
    table = compare(cells(tmp_path, a=A, b=B)).set_index("kind")
    assert table.loc["human", ["fragments", "only_a_right", "only_b_right"]].tolist() == [
        20,
        8,
        2,
    ]  # two donors
    assert table.loc["microbe", ["fragments", "only_a_right", "only_b_right"]].tolist() == [
        12,
        6,
        2,
    ]
    assert table.loc["human", "p"] == pytest.approx(mcnemar(8, 2))


def test_a_failed_tool_is_compared_with_nobody(tmp_path):
    both = cells(tmp_path, a=A, b=B)
    (tmp_path / "failed.json").write_text(json.dumps({"status": "failed"}))
    both[1]["runs"][0]["usage"] = str(tmp_path / "failed.json")
    assert len(compare(both)) == 0


@pytest.fixture
def scores(tmp_path):
    both = cells(tmp_path, a=A, b=B)
    (tmp_path / "failed.json").write_text(json.dumps({"status": "failed"}))
    lost = {
        **both[0],
        "tool": "<lost>",
        "runs": [{**both[0]["runs"][0], "usage": str(tmp_path / "failed.json")}],
    }
    write_scores([*both, lost], tmp_path / "scores.tsv")
    return tmp_path / "scores.tsv"


def test_worst_taxon_and_clusters_in_the_scores(scores):
    row = pd.read_csv(scores, sep="\t").set_index(["tool", "stratum"]).loc[("b", "all")]
    assert (row["worst_taxon"], row["worst_taxon_specificity"]) == ("b", 0)
    assert (row["specificity_cluster_low"], row["specificity_cluster_high"]) == (0, 1)
    assert row["sensitivity_cluster_low"] == row["sensitivity_cluster_high"] == 0.5


def test_pages_hold_every_row_and_load_nothing(scores, tmp_path):
    write_page(scores, "x&y", tmp_path / "scores.html")
    page = (tmp_path / "scores.html").read_text()
    assert page.count("<tr") == 1 + len(pd.read_csv(scores, sep="\t"))
    assert "&lt;lost&gt;" in page
    assert "x&amp;y" in page
    assert not any(word in page for word in ("<lost>", "http:", "https:", "src="))
    assert page.count('class="failed"') == 4  # all, taxa a and b, human


def test_multiqc_table_and_residuals_leave_failed_tools_out(scores, tmp_path):
    write_multiqc(scores, "x", tmp_path / "removal_mqc.tsv")
    table = pd.read_csv(tmp_path / "removal_mqc.tsv", sep="\t", comment="#").set_index("Sample")
    assert table.index.tolist() == ["a s e0.1 v0", "b s e0.1 v0"]
    assert table.loc["a s e0.1 v0", "fragments_per_cpu_s"] == 32 / 4
    write_residuals(scores, [0.5, 0.9], tmp_path / "r.tsv")
    left = pd.read_csv(tmp_path / "r.tsv", sep="\t").set_index(["tool", "host_share"])
    assert left.loc[("a", 0.9), "human_left_per_million"] == pytest.approx(180000)
    assert len(left) == 4
    plot_pareto(scores, tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_odds_ratio_known_values():
    ratio, low, high = odds_ratio(10, 20, 30, 40)
    assert ratio == pytest.approx(10.5 * 40.5 / (20.5 * 30.5))
    assert np.log(high / ratio) == pytest.approx(
        1.96 * np.sqrt(1 / 10.5 + 1 / 20.5 + 1 / 30.5 + 1 / 40.5), rel=1e-4
    )
    assert low * high == pytest.approx(ratio**2)


def test_misses_at_variants_are_counted(tmp_path):
    # a misses what carries a variant
    both = cells(tmp_path, a="1010101010" + "000000", b="1111111111" + "000000")
    write_allele_bias(both, tmp_path / "bias.tsv")
    table = pd.read_csv(tmp_path / "bias.tsv", sep="\t").set_index("tool")
    counted = ["missed", "removed", "missed_with_variant", "removed_with_variant"]
    assert table.loc["a", counted].tolist() == [10, 10, 10, 0]
    assert table.loc["a", "odds_ratio_low"] > 1
    assert table.loc["a", ["variants_per_missed", "variants_per_removed"]].tolist() == [2, 0]
    assert np.isnan(table.loc["b", "odds_ratio"])  # nothing was missed
