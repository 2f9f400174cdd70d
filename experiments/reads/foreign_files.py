#!/usr/bin/env python3
"""Whether test files of other projects are taken in right, or refused for a reason that is true.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/reads/foreign_files.py FOLDER

`foreign_files.tsv` beside this script says for each file what is right: how many fragments are
taken, or which words the true reason has (alternatives with |). FOLDER holds clones of the
repositories as `owner/name`, such as `FOLDER/samtools/htslib`. What is taken is compared read by
read with a reader of its own (BAM and CRAM: pysam). Writes `results/foreign_files.tsv`, without any
content of a file, the misses first.
"""

import argparse
import bz2
import csv
import gzip
import lzma
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pysam

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.paths import replacing
from avatarflow.reads.user_reads.take import take_reads
from avatarflow.runs.context import Step

HERE = Path(__file__).parent
RIGHT, RESULT = HERE / "foreign_files.tsv", HERE / "results" / "foreign_files.tsv"
COLUMNS = ("agrees", "got", "fragments", "message")
COMPLEMENT = bytes.maketrans(b"ACGT", b"TGCA")
REPEATS, REVERSE = 0x900, 0x10  # flags of SAM: secondary or supplementary, of the other strand
Read = tuple[bytes, bytes]


def unpacked(path: Path) -> bytes:
    """The bytes of a file, decompressed by its first ones."""
    data = path.read_bytes()
    for magic, unpack in ((b"\x1f\x8b", gzip.decompress), (b"BZh", bz2.decompress)):
        if data.startswith(magic):
            return unpack(data)
    return lzma.decompress(data) if data.startswith(b"\xfd7zXZ") else data


def normal(bases: bytes) -> bytes:
    """Upper case, U as T, and all but ACGT as N."""
    upper = bases.upper().replace(b"U", b"T")
    return bytes(base if base in b"ACGT" else ord("N") for base in upper)


def forward(flag: int, bases: bytes, qualities: bytes) -> Read:
    """A read in the direction of sequencing."""
    if flag & REVERSE:
        return bases.translate(COMPLEMENT)[::-1], qualities[::-1]
    return bases, qualities


def reads_of(path: Path) -> list[Read]:
    """Bases and qualities of each read, with nothing checked."""
    data = unpacked(path)
    if data.startswith((b"BAM\x01", b"CRAM")):
        with pysam.AlignmentFile(str(path), check_sq=False) as file:
            pysam.set_verbosity(0)
            rows = [read.to_string().encode() for read in file.fetch(until_eof=True)]
    elif path.name.endswith((".sam", ".sam.gz")):
        rows = [row for row in data.replace(b"\r", b"").splitlines() if row[:1] != b"@"]
    else:
        lines = data.replace(b"\r", b"").split(b"\n")
        pairs = zip(lines[1::4], lines[3::4], strict=False)
        return [(normal(bases), qualities) for bases, qualities in pairs]
    cells = [row.split(b"\t") for row in rows]
    return [
        forward(int(cell[1]), normal(cell[9]), cell[10])
        for cell in cells
        if not int(cell[1]) & REPEATS
    ]


def expected(paths: list[Path], settings: dict[str, Any]) -> list[tuple[Read, ...]]:
    """The fragments that are right."""
    offset = settings.get("quality_offset")
    files = [reads_of(path) for path in paths]
    if offset == 64:
        files = [
            [(bases, bytes(max(q - 64, 0) + 33 for q in text)) for bases, text in reads]
            for reads in files
        ]
    return [mates for mates in zip(*files, strict=True) if all(bases for bases, _ in mates)]


def taken(paths: list[Path], settings: dict[str, Any], folder: Path) -> list[tuple[Read, ...]]:
    """The fragments that the intake writes; raises its refusal."""
    outputs = {key: str(folder / key) for key in ("reads1", "reads2", "truth", "summary")}
    own = {f"fastq{number}": str(path) for number, path in enumerate(paths, 1)}
    asked = {
        "shortest_bp": 1,
        "drop_short": settings.get("short") == "drop",
        "quality_offset": settings.get("quality_offset"),
    }
    take_reads(own, **asked, outputs=outputs, step=Step.null())
    written = []
    for number in range(1, len(paths) + 1):
        lines = gzip.decompress(Path(outputs[f"reads{number}"]).read_bytes()).split(b"\n")
        written.append(list(zip(lines[1::4], lines[3::4], strict=False)))
    return list(zip(*written, strict=True))


def judged(row: dict[str, str], folder: Path) -> dict[str, str]:
    """One row of the table with what came out."""
    names = [row[key] for key in ("fastq1", "fastq2") if row[key]]
    paths = [folder / row["repository"] / name for name in names]
    settings: dict[str, Any] = dict(word.split("=") for word in row["settings"].split(",") if word)
    if "quality_offset" in settings:
        settings["quality_offset"] = int(settings["quality_offset"])
    with tempfile.TemporaryDirectory() as place:
        try:
            fragments = taken(paths, settings, Path(place))
        except AvatarflowError as refusal:
            message = str(refusal)
            true = row["right"] == "refused" and any(
                reason in message for reason in row["reason"].split("|")
            )
            got = ("yes" if true else "no", "refused", "", message.splitlines()[0])
            return row | dict(zip(COLUMNS, got, strict=True))
        except Exception as error:  # a crash is a result here
            got = ("no", "crashed", "", type(error).__name__)
            return row | dict(zip(COLUMNS, got, strict=True))
    right = row["right"] == "taken" and len(fragments) == int(row["reads"])
    same = right and fragments == expected(paths, settings)
    got = ("yes" if same else "no", "taken", str(len(fragments)), "")
    return row | dict(zip(COLUMNS, got, strict=True))


def main() -> None:
    """Pass every file through the intake and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="clones of the repositories, as owner/name")
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    with RIGHT.open() as file:
        rows = [judged(row, asked.folder) for row in csv.DictReader(file, delimiter="\t")]
    rows.sort(key=lambda row: row["agrees"])  # no before yes
    with replacing(str(asked.out)) as place, place.open("w") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    counts = Counter((row["right"], row["got"], row["agrees"]) for row in rows)
    for (right, got, agrees), count in sorted(counts.items()):
        sys.stdout.write(f"{count} to be {right}, {got}, agrees: {agrees}\n")


if __name__ == "__main__":
    main()
