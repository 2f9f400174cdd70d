#!/usr/bin/env python3
"""How fast a user's FASTQ is checked and taken in, and whether memory stays flat in the number of reads.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/reads/own_reads.py

Writes random pairs of 2 x 150 bases as gzip, takes them in with and without a truth table, each in
a process of its own, beside `gzip -dc` of the same two files as the peer. Writes
`results/own_reads.json`.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from avatarflow.core.paths import replacing
from avatarflow.reads.removal.run import LAUNCHER

RESULT = Path(__file__).parent / "results" / "own_reads.json"
TAKE = """
import sys
from avatarflow.reads.user_reads.take import take_reads
from avatarflow.runs.context import Step
one, two, truth, folder = sys.argv[1:]
files = {"fastq1": one, "fastq2": two, "truth": truth or None}
outputs = {key: f"{folder}/{key}" for key in ("reads1", "reads2", "truth", "summary")}
take_reads(files, 35, False, None, outputs, Step.null())
"""
LENGTH = 150


def write_pairs(folder: Path, fragments: int) -> list[str]:
    """Two FASTQ files of random bases and their truth table."""
    random = np.random.default_rng(1)
    paths = [folder / f"{fragments}_{mate}.fq.gz" for mate in (1, 2)]
    for path in paths:
        with gzip.open(path, "wb", compresslevel=1) as file:
            for start in range(0, fragments, 10_000):
                bases = np.frombuffer(b"ACGT", np.uint8)[random.integers(0, 4, (10_000, LENGTH))]
                quality = (random.integers(20, 41, (10_000, LENGTH)) + 33).astype(np.uint8)
                for row in range(min(10_000, fragments - start)):
                    file.write(
                        b"@SIM:1:FC:1:%d:1\n%b\n+\n%b\n"
                        % (start + row, bases[row].tobytes(), quality[row].tobytes())
                    )
    truth = folder / f"{fragments}.tsv"
    rows = (f"SIM:1:FC:1:{number}:1\t{number % 2}\tE_coli\n" for number in range(fragments))
    truth.write_text("fragment\tis_human\ttaxon\n" + "".join(rows))
    return [str(path) for path in (*paths, truth)]


def measured(command: list[str], folder: Path) -> dict[str, float]:
    """Seconds, CPU seconds and peak MB of a command."""
    usage = folder / "usage.json"
    subprocess.run([sys.executable, "-I", "-S", str(LAUNCHER), str(usage), *command], check=True)
    found: dict[str, float] = json.loads(usage.read_text())
    return found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fragments", type=int, nargs="+", default=[50_000, 200_000])
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for fragments in asked.fragments:
            one, two, truth = write_pairs(folder, fragments)
            peer = measured(["bash", "-c", f"gzip -dc {one} {two} > /dev/null"], folder)
            for name, table in (("without truth", ""), ("with truth", truth)):
                used = measured([sys.executable, "-c", TAKE, one, two, table, str(folder)], folder)
                rows.append({
                    "fragments": fragments, "what": name, **used, "reads_per_cpu_s": 2 * fragments / used["cpu_s"],
                    "cpu_over_gzip": used["cpu_s"] / peer["cpu_s"],
                })  # fmt: skip
                print(rows[-1], flush=True)
    with replacing(asked.out) as path:
        path.write_text(
            json.dumps({"bases_per_read": LENGTH, "rows": rows}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
