"""The reads wing killed in the middle, and cut into shards: the same bytes as an undisturbed run in one piece.

The host has sex chromosomes and lower case, the donor is a man of a simulated population, and there are spike-ins.
"""

import math
import shutil

import pandas as pd
import pytest
import yaml

import project
from avatarflow.reads.genomes.genome import LETTERS
from avatarflow.reads.genomes.random_genomes import random_genome

FOLDER = "results/read_benchmarks/b"
CELL = "donor1/e0.06_v0"
SLOW = {
    "needs": ["minimap2"],
    "index": "minimap2 -x sr -d {index}/host.mmi {host}",
    "remove": {
        "pairs": "sleep 1; minimap2 -a -x sr {index}/host.mmi {reads1} {reads2} > {answer}; sleep 1"
    },
    "verdicts": {"format": "sam"},
    "settings": {"sr": {}},
}
TARGETS = [f"{FOLDER}/scores.tsv", f"{FOLDER}/risk.tsv"]


def write_host(path):
    with path.open("w") as file:
        for name, size in (("1", 140_000), ("X", 40_000), ("Y", 20_000)):
            text = LETTERS[random_genome(name, size, 0.41, 0.2, 1).codes].tobytes().decode()
            file.write(f">{name}\n{text[:5000].lower()}{text[5000:]}\n")


def prepare(folder, shards):
    entry = {
        "reference": {"fasta": str(folder / "host.fa")},
        "microbes": {"generated": {"count": 2, "length_bp": 20000}},
        "coalescent": {"people": 20},
        "donors": {"donor1": {"coalescent": {"person": 1}, "sex": "male"}},
        "reads": {"pairs": 20000, "error": [0.06], "variation": [0]},
        "spike_ins": {"human": 50, "microbe2": 3},
        "tools": [{"tool": "slow", "setting": "sr"}],
        "shards": shards,
    }
    folder.mkdir()
    write_host(folder / "host.fa")
    config = {"seed": 3, "removal_tools": {"slow": SLOW}, "read_benchmarks": {"b": entry}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def results(folder):
    """Bytes of everything that must not depend on how it was made."""
    names = [
        f"reads/{CELL}/{name}"
        for name in ("reads_1.fastq.gz", "reads_2.fastq.gz", "truth.bam", "truth.parquet")
    ]
    names += [f"removal/slow/sr/{CELL}/calls.parquet", "people/panel.vcf.gz", "risk.tsv"]
    return {name: (folder / FOLDER / name).read_bytes() for name in names}


def scores(folder):
    table = pd.read_csv(folder / FOLDER / "scores.tsv", sep="\t")
    return table.drop(columns=[name for name in table if name.endswith(("_s", "_mb"))])


@pytest.mark.skipif(shutil.which("minimap2") is None, reason="minimap2 is not installed")
def test_killed_in_simulation_and_in_removal_and_in_three_shards_the_bytes_are_the_same(tmp_path):
    whole, killed = prepare(tmp_path / "whole", 1), prepare(tmp_path / "killed", 3)
    project.run(whole, *TARGETS)

    reads = killed / FOLDER / "reads" / CELL
    project.run_and_kill(
        killed,
        lambda: any(path.stat().st_size for path in reads.glob("shards/*/.writing-*.bgzf")),
        *TARGETS,
    )
    assert not (reads / "reads_1.fastq.gz").exists()

    removal = killed / FOLDER / "removal" / "slow" / "sr" / CELL
    project.run_and_kill(killed, lambda: any(removal.glob("tmp*/answer")), *TARGETS)
    assert (reads / "reads_1.fastq.gz").exists()
    assert not (removal / "calls.parquet").exists()

    project.run(killed, *TARGETS)
    first, again = results(whole), results(killed)
    assert [name for name in first if first[name] != again[name]] == []
    pd.testing.assert_frame_equal(scores(whole), scores(killed))
    table = scores(whole).set_index("stratum")
    assert table.loc["all", "fragments"] == 20053
    assert 0 < table.loc["all", "fn"] < 10000  # the comparison compares something
    assert {"region:repeat", "region:chrX", "region:chrY", "region:elsewhere"} <= set(table.index)
    risk = pd.read_csv(whole / TARGETS[1], sep="\t").iloc[0]
    assert risk["result"] == "measured"
    assert risk["y_fragments"] == table.loc["region:chrY", "fn"]
    share, left, on_y = (
        20 / (2 * 140 + 40 + 20) + 0.001,
        risk["residual_fragments"],
        risk["y_fragments"],
    )
    bits = on_y * math.log2(share / 0.001) + (left - on_y) * math.log2((1 - share) / 0.999)
    # few are left, so it may speak for either sex
    assert risk["bits_sex"] == pytest.approx(bits, rel=1e-4)
    assert not project.planned(killed, *TARGETS)
