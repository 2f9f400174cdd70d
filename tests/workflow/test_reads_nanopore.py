"""Nanopore reads as a whole run: errors fitted from a BAM, one FASTQ file, junk apart in the scores."""

import gzip
import json
import shutil

import pandas as pd
import pytest
import yaml
from long_world import LongWorld

import project


@pytest.mark.skipif(not shutil.which("minimap2"), reason="minimap2 is not installed")
def test_a_benchmark_of_nanopore_reads_with_a_fitted_profile(tmp_path, root):
    (tmp_path / "real").mkdir()
    world = LongWorld(tmp_path / "real", root, level=0.0, host_bp=50_000)
    bam, reference = world.simulate(0.08, 300)["bam"], tmp_path / "real" / "both.fa"
    reference.write_text(
        "".join((world.folder / name).read_text() for name in ("host.fa", "microbes.fa"))
    )
    entry = {
        "reference": {"generated_bp": 60000},
        "microbes": {"generated": {"count": 2, "length_bp": 20000}},
        "reads": {
            "platform": "nanopore", "pairs": 300, "error": [0.08],
            "fit": {"bam": str(bam), "reference": str(reference)},
            "long": {"mean_bp": 1500, "sd_bp": 800, "junk": 0.1, "chimeras": 0.05},
        },
        "tools": [{"tool": "minimap2", "setting": "map-ont"}],
    }  # fmt: skip
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump({"seed": 3, "read_benchmarks": {"b": entry}})
    )
    project.run(tmp_path, "read_benchmarks")
    folder = tmp_path / "results" / "read_benchmarks" / "b"
    assert json.loads((folder / "profile.json").read_text())["reads"]["error"][0] == pytest.approx(
        0.08, rel=0.1
    )
    cell = folder / "reads" / "donor" / "e0.08_v0.001"
    assert gzip.decompress((cell / "reads_2.fastq.gz").read_bytes()) == b""
    scores = pd.read_csv(folder / "scores.tsv", sep="\t").set_index("stratum")
    truth = pd.read_parquet(cell / "truth.parquet")
    assert scores.loc["all", "status"] == "ok"
    assert scores.loc["all", "fragments"] == (truth["source"] != "junk").sum()
    assert scores.loc["taxon:junk", "fragments"] == (truth["source"] == "junk").sum() > 10
    assert scores.loc["all", ["sensitivity", "specificity"]].min() > 0.97
    assert scores.loc["all", "worst_taxon"] != "junk"
