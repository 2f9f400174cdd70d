"""Two releases are compared by certificate and checksums; what cannot be read is said for both at once."""

import hashlib
import json
import subprocess

import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.release.compare import differences, main, read_releases

GATE = {
    "name": "specificity",
    "value": 0.7,
    "low": 0.5,
    "high": 0.8,
    "n": 15,
    "threshold": 0.5,
    "result": "pass",
}
CERTIFICATE = {
    "decision": "pass", "gates": [GATE, {**GATE, "name": "kid_ratio"}],
    "asked": {"size_px": 64, "cone": {"alpha": 0.02, "draws": 8}},
}  # fmt: skip
FILES = {"data/00000.parquet": b"one", "README.md": b"card"}


def write(folder, files=FILES, inside="release", **changes):
    """Write a release's folder and return it."""
    release = folder / inside
    release.mkdir(parents=True)
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()]
    (release / "SHA256SUMS").write_text("".join(sums))
    (release / "certificate.json").write_text(json.dumps({**CERTIFICATE, **changes}))
    return str(folder)


def compared(a, b):
    return list(differences(*read_releases({"A": a, "B": b})))


def test_equal_releases_have_no_difference_wherever_their_folder_is(tmp_path):
    a, b = write(tmp_path / "a"), write(tmp_path / "b", inside=".")
    assert compared(a, b) == ["no difference in decision, gates, settings and files"]


def test_every_kind_of_difference_is_one_line(tmp_path):
    a = write(tmp_path / "a")
    b = write(
        tmp_path / "b",
        {"data/00000.parquet": b"two", "README.md": b"card", "croissant.json": b"{}"},
        decision="refuse",
        gates=[{**GATE, "value": 0.4, "result": "fail"}, {**GATE, "name": "canaries_found"}],
        asked={"size_px": 64, "cone": {"alpha": 0.05, "draws": 8, "margin": 0.05}},
    )
    assert compared(a, b) == [
        "decision: pass -> refuse",
        "gate specificity value: 0.7 -> 0.4",
        "gate specificity result: pass -> fail",
        "gate kid_ratio: only in A",
        "gate canaries_found: only in B",
        "asked.cone.alpha: 0.02 -> 0.05",
        "asked.cone.margin: null -> 0.05",
        "files, only in B: 1: croissant.json",
        "files, other bytes: 1: data/00000.parquet",
        "files, the same: 1",
    ]


def test_many_files_are_counted(tmp_path):
    many = {f"dicom/{number:06d}.dcm": b"x" for number in range(50)}
    lines = compared(write(tmp_path / "a"), write(tmp_path / "b", {**FILES, **many}))
    assert lines[0].startswith("files, only in B: 50: dicom/000000.dcm, ")
    assert lines[0].endswith(" and 30 more")
    assert lines[1] == "files, the same: 2"


def test_refused_reads_have_a_certificate_and_no_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "certificate.json").write_text(
        json.dumps({**CERTIFICATE, "decision": "refuse"})
    )
    lines = compared(str(tmp_path / "a"), write(tmp_path / "b"))
    assert lines[0] == "decision: refuse -> pass"
    assert lines[1].startswith("files, only in B: 2")


def test_two_releases_of_reads_differ_by_gates_tools_and_files(tmp_path):
    """As `results/read_releases/<name>` lies on disk: the certificate beside the folder, and in it."""
    bits = {**GATE, "name": "bits_left"}
    one, other = (
        {"remove": [{"tool": tool, "setting": "x"}], "seed": 1} for tool in ("bwa", "kraken2")
    )
    files = {"reads_1.fastq.gz": b"reads", "croissant.json": b"{}"}
    a = write(tmp_path / "a", files, gates=[bits], asked=one)
    b = write(
        tmp_path / "b",
        {**files, "reads_1.fastq.gz": b"fewer"},
        gates=[{**bits, "high": 0.9}],
        asked=other,
    )
    for folder in (tmp_path / "a", tmp_path / "b"):
        (folder / "certificate.json").write_bytes(
            (folder / "release/certificate.json").read_bytes()
        )
    assert compared(a, b) == [
        "gate bits_left high: 0.8 -> 0.9",
        'asked.remove: [{"setting": "x", "tool": "bwa"}] -> [{"setting": "x", "tool": "kraken2"}]',
        "files, other bytes: 1: reads_1.fastq.gz",
        "files, the same: 1",
    ]


def test_folders_that_are_none_are_named_at_once(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "certificate.json").write_text("{")
    with pytest.raises(AvatarflowError) as error:
        read_releases({"A": "", "B": str(tmp_path / "b")})
    assert str(error.value).splitlines() == [
        "release-diff A: no certificate.json in nothing; give A=results/releases/<name>",
        "release-diff B: a certificate.json that is damaged; make it again",
    ]
    assert main([]) == 2


def test_the_command_compares_two_folders(root, tmp_path):
    a, b = write(tmp_path / "a"), write(tmp_path / "b", decision="refuse")
    command = ["make", "--no-print-directory", "release-diff", f"A={a}", f"B={b}"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["decision: pass -> refuse"]
