"""A user's own reads through the workflow: scored where a truth is known, agreement alone where none is."""

import gzip
import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

import project
from avatarflow.clean.folders import MADE_BY
from avatarflow.reads.genomes.genome import LETTERS, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from dossier_check import problems
from pdf_check import differences, sheets_of

TOOLS = [{"tool": "minimap2", "setting": "sr"}, {"tool": "half", "setting": "default"}]
HALF = {  # calls every second fragment human, whatever it is
    "needs": ["awk"],
    "index": "touch {index}/x",
    "remove": dict.fromkeys(
        ["pairs", "single"], "zcat {reads1} | awk 'NR % 8 == 1 {{print substr($1, 2)}}' >{answer}"
    ),
    "verdicts": {"format": "removed"},
}


def write_reads(folder, count=120, length=100):
    """Pairs of a host and of one microbe in turn, named as machines and people name them; the truth beside them."""
    random = np.random.default_rng(3)
    host, microbe = (random_genome(name, 20_000, 0.45, 0.0, 1) for name in ("chr1", "m"))
    write_fasta(folder / "host.fa", host)
    texts, rows = ["", ""], []
    for number in range(count):
        human = number % 3 == 0
        codes = (host if human else microbe).codes
        start = int(random.integers(0, len(codes) - 300))
        piece = codes[start : start + 300]
        mates = LETTERS[piece[:length]], LETTERS[(3 - piece[::-1])[:length]]
        for mate, bases in enumerate(mates):
            text = bases.tobytes().decode()
            texts[mate] += (
                f"@{project.CANARY}:{number}/{mate + 1} Jane Doe\n{text}\n+\n{'F' * length}\n"
            )
        taxon = "" if human else "E_coli"
        rows.append(
            {"fragment": f"{project.CANARY}:{number}", "is_human": int(human), "taxon": taxon}
        )
    for mate in (0, 1):
        (folder / f"{project.CANARY}_{mate + 1}.fq.gz").write_bytes(
            gzip.compress(texts[mate].encode())
        )
    pd.DataFrame(rows).to_csv(folder / "truth.tsv", sep="\t", index=False)


@pytest.mark.skipif(not shutil.which("minimap2"), reason="minimap2 is not installed")
def test_own_reads_are_scored_with_a_truth_and_compared_without(tmp_path):
    write_reads(tmp_path)
    one, two = (f"{project.CANARY}_{mate}.fq.gz" for mate in (1, 2))
    shared = {"reference": {"fasta": "host.fa"}, "tools": TOOLS}
    entries = {
        "known": {**shared, "own_reads": {"fastq1": one, "fastq2": two, "truth": "truth.tsv"}},
        "unknown": {**shared, "own_reads": {"fastq1": one}},
    }
    config = {"removal_tools": {"half": HALF}, "read_benchmarks": entries}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    project.run(tmp_path, "read_benchmarks")
    known, unknown = (tmp_path / "results" / "read_benchmarks" / name for name in entries)

    scores = pd.read_csv(known / "scores.tsv", sep="\t").set_index(["tool", "stratum"])
    assert scores["error"].isna().all()
    assert scores.loc[("minimap2", "all"), ["tp", "fp", "tn", "fn"]].tolist() == [40, 0, 80, 0]
    assert scores.loc[("half", "all"), ["tp", "fp", "tn", "fn"]].tolist() == [20, 40, 40, 20]
    assert scores.loc[("half", "taxon:E_coli"), "specificity"] == 0.5
    pairs = pd.read_csv(known / "mcnemar.tsv", sep="\t").set_index("kind")
    assert pairs.loc["human", ["only_a_right", "only_b_right"]].tolist() == [20, 0]
    assert (known / "scores.png").is_file()
    assert (known / "scores.html").is_file()

    calls = pd.read_csv(unknown / "calls.tsv", sep="\t").set_index("tool")
    assert calls.loc["minimap2", ["fragments", "called_human", "called_by_no_other"]].tolist() == [
        120,
        40,
        20,
    ]
    pair = pd.read_csv(unknown / "agreement.tsv", sep="\t").iloc[0]
    assert pair[["both", "only_a", "only_b", "neither"]].tolist() == [20, 20, 40, 40]
    assert pair["jaccard"] == pytest.approx(20 / 80, rel=1e-5)
    # as often alike as by chance: 1/3 and 1/2 called
    assert pair["kappa"] == pytest.approx(0, abs=1e-9)
    assert (unknown / "agreement.png").is_file()
    assert not (unknown / "scores.tsv").exists()  # no sensitivity is made up
    assert "sensitivity" not in (unknown / "calls.tsv").read_text()

    for place in ("results", "logs"):
        for name, content in project.content(tmp_path / place).items():
            assert project.CANARY not in name
            content = gzip.decompress(content) if name.endswith(".gz") else content
            assert project.CANARY.encode() not in content, f"{place}/{name}"


def command(*options):
    """The command for one sample, as it is given in the folder with the reads."""
    one, two = (f"{project.CANARY}_{mate}.fq.gz" for mate in (1, 2))
    files = [one, two, "--reference", "host.fa", "--name", "stool", "--y-contig", "none"]
    tools = ["--tool", "bwa:mem", "--detection-tool", "minimap2:sr", "--config", "further.yaml"]
    return [sys.executable, "-m", "avatarflow", "clean", *files, *tools, "--cores", "1", *options]


def environment():
    return {**project.environment(), "PYTHONPATH": str(project.ROOT / "workflow" / "scripts")}


def run(folder, *options):
    """Run the command; its exit status, the last line that it prints, and its messages."""
    done = subprocess.run(
        command(*options),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=900,
    )
    return done.returncode, done.stdout.splitlines()[-1:], done.stderr


@pytest.mark.skipif(
    not all(map(shutil.which, ("minimap2", "bwa"))),
    reason="minimap2 and bwa are not both installed",
)
def test_cleaned_reads_are_released_by_the_gate_alone(tmp_path):
    """One command: killed, resumed, released; then refused by a limit, and only the decision is made again."""
    write_reads(tmp_path)
    one, two = (tmp_path / f"{project.CANARY}_{mate}.fq.gz" for mate in (1, 2))
    gates = {
        "detection_tools": 1,
        "spike_ins": 2000,
        "miss_rate": 0.01,
        "bits_left": 20,
        "reference_match": 0,  # the host is made up
        "human_signs": 1,  # and has no repeats of the human genome
    }
    body = {"name": "Body", "contact": "hdab@example.org"}
    law = ["http://data.europa.eu/eli/reg/2025/327/oj"]
    exports = {
        "exports": ["croissant", "dcat_ap", "health_dcat_ap", "ro_crate"],
        "publisher": "Clinic",
        "date": "2026-12-01",
        "url": "https://data.example.org/stool",
        "contact": "data@example.org",
        "health": {"categories": ["RPDG"], "legislation": law, "access_body": body},
    }
    spikes = {"pairs": 2000, "donors": 1}
    further = {"seed": 3, "spike_ins": spikes, "gates": gates, "release": exports}
    out, work, refusal = (tmp_path / name for name in ("clean", "clean.work", "refused"))
    benchmark = work / "results" / "read_benchmarks" / "stool"

    def configure(**changed):
        gates.update(changed)
        (tmp_path / "further.yaml").write_text(yaml.safe_dump(further, sort_keys=False))

    def planned():
        """What the plain workflow would still do, with the entry written by hand."""
        entry = {
            **further,
            "own_reads": {"fastq1": str(one), "fastq2": str(two)},
            "reference": {"fasta": str(tmp_path / "host.fa")},
            "remove": [{"tool": "bwa", "setting": "mem"}],
            "detection_tools": [{"tool": "minimap2", "setting": "sr"}],
            "y_contigs": [],
        }
        # the order of keys counts for Snakemake
        text = yaml.safe_dump({"read_releases": {"stool": entry}}, sort_keys=False)
        (work / "config.yaml").write_text(text)
        return project.planned(work, "read_releases")

    configure()
    project.start_and_kill(
        command("--out", "clean"),
        tmp_path,
        lambda: [*benchmark.glob("removal/*/*/own/spiked/calls.parquet")],
        environment(),
    )
    assert not out.exists()
    spiked = (benchmark / "reads/own/spiked/reads_1.fastq.gz").stat().st_mtime_ns
    status, last, messages = run(tmp_path, "--out", "clean", "--keep-work")
    assert (status, last) == (0, ["stool: released; see clean/report.html"]), messages
    assert (benchmark / "reads/own/spiked/reads_1.fastq.gz").stat().st_mtime_ns == spiked
    assert planned() == set()  # the same configuration, so the same certificate
    delivered = project.content(out)
    assert len(delivered.pop(MADE_BY)) == 17  # a digest
    assert delivered == project.content(work / "results" / "read_releases" / "stool")

    passed = json.loads((out / "certificate.json").read_text())
    assert passed["decision"] == "pass", passed["gates"]
    records = [
        "croissant.json",
        "dcat-ap.jsonld",
        "health-dcat-ap.jsonld",
        "ro-crate-metadata.json",
    ]
    sums = (out / "release" / "SHA256SUMS").read_text()
    assert all(f"  {name}\n" in sums for name in records)
    assert passed["measured"]["counts"]["removed"] == 40
    lines = (
        gzip.decompress((out / "release" / "reads_1.fastq.gz").read_bytes()).decode().splitlines()
    )
    with gzip.open(one, "rt") as file:
        own = file.read().splitlines()[1::4]
    assert lines[1::4] == [bases for number, bases in enumerate(own) if number % 3]
    for place in (out, work / "results", work / "logs"):
        for name, content in project.content(place).items():
            assert project.CANARY not in name
            content = gzip.decompress(content) if name.endswith(".gz") else content
            assert project.CANARY.encode() not in content, f"{place}/{name}"

    for language in ("de", "en"):
        page = out / "dossier" / f"{language}.html"
        text, sheets = page.read_text(), sheets_of(page.with_suffix(".pdf"))
        assert problems(text, out) == differences(sheets, text) == []
        assert project.CANARY not in "".join(sheets)
        yes = text

    configure(bits_left=0)
    assert planned() == {"release_reads", "read_dossier"}
    status, last, _ = run(tmp_path, "--out", "refused", "--work", "clean.work", "--keep-work")
    assert (status, last) == (3, ["stool: refused (bits_left: fail); see refused/report.html"])
    refused = json.loads((refusal / "certificate.json").read_text())
    assert refused["decision"] == "refuse"
    assert refused["reasons"] == ["bits_left: fail"]
    assert {path.name for path in refusal.iterdir()} == {
        MADE_BY, "assessment.json", "certificate.json", "dossier", "report.html"
    }  # fmt: skip
    assert not (work / "results/read_releases/stool/release").exists()
    assert "No reads are released" in (refusal / "report.html").read_text()
    no = (refusal / "dossier" / "en.html").read_text()
    assert ("human_signs was switched off" in yes, "published? No." in no) == (True, True)
    assert problems(no, refusal) == []
    assert differences(sheets_of(refusal / "dossier" / "en.pdf"), no) == []
    assert run(tmp_path, "--out", "refused", "--work", "clean.work")[:2] == (status, last)
    assert not work.exists()

    two.write_bytes(gzip.compress(b"\n".join(gzip.decompress(two.read_bytes()).split(b"\n")[:-2])))
    status, last, messages = run(tmp_path, "--out", "bad")
    assert (status, last) == (2, [])
    assert "fastq2" in messages.splitlines()[-2]
    assert project.CANARY not in messages
    assert not (tmp_path / "bad").exists()
