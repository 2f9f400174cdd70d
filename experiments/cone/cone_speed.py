#!/usr/bin/env python3
"""What exact decisions cost beside a plain nearest-neighbour search, and that memory does not grow with the candidates.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/cone_speed.py

Speed: `judging.judge` (checks, exact ratios, proofs, decisions written) of 100,000 candidates
against 10,000 originals at d = 512, beside faiss IndexFlatIP at the same k on the same rows; rounds
alternate, medians of CPU time are compared. Memory: the peak of a process that judges 10,000 and of
one that judges 1,000,000 candidates (2 GB, made by blocks, deleted after); here the gallery is of
1,000, so that its own share hides nothing. Two populations: `faces`, clustered as fingerprints are
(24 directions carry most), and `isotropic`, where all angles are near 90 degrees and the widths
alone decide: the hard case for any search by distance.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
from default_cone import default_shape

from avatarflow.privacy.cones.cone import Cones, local_sparsity
from avatarflow.privacy.cones.decide import BLOCK, NEIGHBOURS, Candidates, judge
from avatarflow.privacy.cones.shape import Shape
from avatarflow.privacy.fingerprints.files import RowFile

D, ORIGINALS, FEW = 512, 10_000, 1_000
RESULTS = Path(__file__).parent / "results"
SHAPES = {"picture": default_shape(), "original": Shape()}  # the default; the strict alternative


def rows(kind, n, seed):
    """Unit rows of one population."""
    drawn = np.random.default_rng(seed).standard_normal((n, D)).astype(np.float32)
    if kind == "faces":
        drawn *= np.r_[np.full(24, 1.0), np.full(D - 24, 0.06)].astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def cones_of(kind, density):
    """Cones with radii that spread as those of real eyes (24 to 54 degrees), in the population's own density."""
    originals, persons = rows(kind, ORIGINALS, 0), np.arange(ORIGINALS)
    radii = np.random.default_rng(1).gamma(30, 0.013, ORIGINALS)
    sparsity = local_sparsity(originals, persons, SHAPES[density].k)
    return Cones(originals, persons + 1, radii, sparsity, SHAPES[density], 1.08, "",
                 persons)  # fmt: skip


class Names:
    """Names of candidates, made as they are asked for."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, rows_):
        return [f"teacher-{i:07d}" for i in range(*rows_.indices(self.n))]


def write_candidates(path, kind, n):
    """A file of n candidates, block by block; a tenth lie near an original."""
    originals = rows(kind, ORIGINALS, 0)
    # what `files.save_rows` writes, but never held as a whole: safetensors' header, then the rows
    tensor = {"dtype": "F32", "shape": [n, D], "data_offsets": [0, 4 * n * D]}
    header = json.dumps({"__metadata__": {"encoder": ""}, "rows": tensor}).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for number, start in enumerate(range(0, n, 10_000)):
            made = rows(kind, min(10_000, n - start), 100 + number)
            near = made[::10] * 0.3 + originals[: len(made[::10])]
            made[::10] = near / np.linalg.norm(near, axis=1, keepdims=True)
            made.tofile(file)


def speed(kind, density, n, rounds, folder):
    """Seconds of both, alternating; CPU seconds are compared, since a busy machine shifts wall time at random."""
    path, cones = folder / "candidates.safetensors", cones_of(kind, density)
    write_candidates(path, kind, n)
    index, taken, wall = (
        faiss.IndexFlatIP(D),
        {"judge": [], "faiss": []},
        {"judge": [], "faiss": []},
    )
    index.add(cones.fingerprints)

    def plain():
        queries = RowFile(path, "")
        for start in range(0, n, BLOCK):
            index.search(queries[slice(start, start + BLOCK)], NEIGHBOURS)

    def decisions():
        return judge(Candidates(RowFile(path, ""), Names(n)), cones, folder / "decisions.parquet")

    for _ in range(rounds):
        for name, work in (("faiss", plain), ("judge", decisions)):
            began, cpu = time.perf_counter(), time.process_time()
            summary = work()
            wall[name].append(time.perf_counter() - began)
            taken[name].append(time.process_time() - cpu)
    path.unlink()
    medians = {name: statistics.median(values) for name, values in taken.items()}
    ratios = [a / b for a, b in zip(taken["judge"], taken["faiss"], strict=True)]
    return {
        "population": kind, "density": density, "candidates": n, "originals": ORIGINALS, "dimensions": D,
        "k": NEIGHBOURS, "threads": faiss.omp_get_max_threads(), "cpu_seconds": taken, "wall_seconds": wall,
        "ratio_of_medians": medians["judge"] / medians["faiss"], "ratio_per_round": ratios,
        "full_passes": summary.full_passes, "accepted": summary.accepted,
    }  # fmt: skip


def memory(n, folder):
    """Peak memory in MB of a fresh process that judges n candidates."""
    path = folder / f"candidates{n}.safetensors"
    write_candidates_apart = [sys.executable, __file__, "--write", str(n), "--folder", str(folder)]
    subprocess.run(write_candidates_apart, check=True)
    command = [sys.executable, __file__, "--peak", str(n), "--folder", str(folder)]
    peak = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    path.unlink()
    return peak


def main():
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--candidates", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument(
        "--memory", action="store_true", help="measure memory alone and keep the other figures"
    )
    parser.add_argument("--write", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    args = parser.parse_args()
    if args.write:
        write_candidates(args.folder / f"candidates{args.write}.safetensors", "faces", args.write)
        return
    if args.peak:
        source = RowFile(args.folder / f"candidates{args.peak}.safetensors", "")
        few = np.arange(FEW)  # densities are made up here: taking them would be the peak
        cones = Cones(
            rows("faces", FEW, 0),
            few + 1,
            *np.full((2, FEW), 0.5),
            SHAPES["picture"],
            1.08,
            "",
            few,
        )
        judge(Candidates(source, Names(args.peak)), cones, args.folder / "decisions.parquet")
        status = Path(
            "/proc/self/status"
        ).read_text()  # getrusage would give the peak of the process that started this
        print(
            next(
                int(line.split()[1]) / 1024
                for line in status.splitlines()
                if line.startswith("VmHWM")
            )
        )
        return
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        kept = json.loads((RESULTS / "cone_speed.json").read_text()) if args.memory else None
        found = kept or {"cpus": os.cpu_count(), "speed": [
            speed(kind, density, args.candidates, args.rounds, folder)
            for density in ("picture", "original") for kind in ("faces", "isotropic")
        ]}  # fmt: skip
        peaks = {str(n): memory(n, folder) for n in (10_000, args.many)}
        first, last = peaks.values()
        found["peak_mb"] = {**peaks, "ratio": last / first}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "cone_speed.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
