"""Donors with one X and a Y, or two X: where their fragments come from, and what the Y ones tell."""

import numpy as np
import pandas as pd
import pytest

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.donors.sex import YContigs, classes
from avatarflow.reads.donors.variation import Rates, draw_variants
from avatarflow.reads.genomes.genome import Genome, N, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.risk.table import NO_PANEL, write_risk
from avatarflow.reads.simulation.fragments import Layout
from avatarflow.reads.simulation.illumina.errors import read_profile
from avatarflow.reads.simulation.mixture import Mixture
from avatarflow.reads.simulation.simulate import BLOCK, Simulator
from avatarflow.reads.simulation.sources import sources_of
from avatarflow.runs.context import Step

KNOWN_BP = {"1": 60_000, "chrX": 30_000, "Y": 10_000, "MT": 3_000}
RISK = {"population": 1000, "theta": 0.01, "r2": 0.1, "effective_size": 11418, "folds": 3, "map": None,
        "bootstrap": 100, "bleed_through": 0.001}  # fmt: skip
LEVEL = {"setting": "s", "error": 0.0, "variation": 0.0}


@pytest.fixture(scope="module")
def host():
    contigs = [
        (name, random_genome(name, size, 0.41, 0.0, 1).codes) for name, size in KNOWN_BP.items()
    ]
    # as in real references
    contigs[2] = ("Y", np.concatenate([contigs[2][1], np.full(40_000, N, np.uint8)]))
    return Genome.of(contigs)


def fragments(host, root, sex, blocks=10):
    model = read_profile(root / "resources" / "error_profiles" / "flat.tsv", 100)
    sources = sources_of(host, draw_variants(host, 0.001, Rates(), 1, "d"), {}, {}, sex)
    layout, seeds = Layout(100, 300.0, 40.0), {"fragments": 1, "errors": 1}
    simulator = Simulator(sources, Mixture.of(1.0, {}), layout, model.tables(0.01), seeds, "d")
    tables = [simulator.block(number, BLOCK)[3].to_pandas() for number in range(blocks)]
    return pd.concat(tables, ignore_index=True)


COPIES = {
    "male": {("1", 1), ("1", 2), ("chrX", 1), ("Y", 2), ("MT", 1)},
    "female": {("1", 1), ("1", 2), ("chrX", 1), ("chrX", 2), ("MT", 1)},
    None: {(contig, copy) for contig in KNOWN_BP for copy in (1, 2)},
}


@pytest.mark.parametrize("sex", [*COPIES])
def test_every_copy_that_is_there_is_covered_alike_and_no_other(host, root, sex):
    counts = fragments(host, root, sex).groupby(["contig", "haplotype"]).size()
    assert set(counts.index) == COPIES[sex]
    room = {copy: KNOWN_BP[copy[0]] - 300 for copy in COPIES[sex]}  # a fragment must fit
    whole, total = sum(room.values()), counts.sum()
    for copy, size in room.items():
        share = size / whole
        assert counts[copy] == pytest.approx(
            total * share, abs=4 * np.sqrt(total * share) + 0.01 * total * share
        )


def test_a_males_share_of_y_counts_known_bases(host):
    y_contigs = YContigs.of(host)
    assert y_contigs.contigs == ("Y",)
    assert y_contigs.male_share == pytest.approx(10_000 / (120_000 + 30_000 + 10_000 + 3_000))
    assert YContigs.of(Genome.of([("1", host.contig(0)), ("X", host.contig(1))])) is None
    part = Genome.of([("chrY_101_1100", host.contig(2)[:1000]), ("1", host.contig(0))])
    assert classes(part) == ["chrY", ""]


def test_fragments_on_y_tell_the_sex_without_any_panel(host, root, tmp_path):
    write_fasta(tmp_path / "host.fa", host)
    cells = []
    for sex in ("male", "female"):
        truth = fragments(host, root, sex, blocks=1)
        paths = {key: str(tmp_path / f"{sex}.{key}") for key in ("truth", "calls", "bam")}
        truth.to_parquet(paths["truth"])
        left = np.arange(len(truth)) < 200
        pd.DataFrame({"fragment": truth["fragment"], "removed": ~left}).to_parquet(paths["calls"])
        on_y = int((truth["contig"][left] == "Y").sum())
        cells.append(
            {
                "tool": sex,
                "setting": "s",
                "error": 0.0,
                "variation": 0.0,
                "runs": [{"donor": sex, **paths}],
                "y": on_y,
            }
        )

    def table(male, female):
        donors = {
            "male": {"sex": male, "panel": None},
            "female": {"sex": female, "panel": None},
        }
        found = write_risk(
            cells, str(tmp_path / "host.fa"), donors, RISK, 1, tmp_path / "r.tsv", Step.null()
        )
        return found.set_index("tool")

    known = table("male", "female")
    share, n = 10_000 / 163_000, 200
    for sex, on_y in (("male", cells[0]["y"]), ("female", 0)):
        male = share + 0.001
        ratio = on_y * np.log2(male / 0.001) + (n - on_y) * np.log2((1 - male) / 0.999)
        assert known.loc[sex, "bits_sex"] == pytest.approx(ratio if sex == "male" else -ratio)
        assert known.loc[sex, "bits_sex"] > 10
        assert known.loc[sex, "y_fragments"] == on_y
        assert known.loc[sex, "result"] == NO_PANEL
    assert table("female", None).loc["male", "bits_sex"] == -known.loc["male", "bits_sex"]
    assert table(None, None).loc["male", ["y_fragments", "bits_sex"]].isna().all()


def test_refuses_a_sex_that_is_none():
    with pytest.raises(
        AvatarflowError, match=r"donors\.d\.sex: found 'm'; use one of female, male"
    ):
        load({"read_benchmarks": {"b": {"donors": {"d": {"sex": "m"}}}}})
