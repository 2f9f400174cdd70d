#!/usr/bin/env python3
"""Peak memory of the steps from intake to decisions, at several numbers of pictures: it must not grow with them.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/machine/images_memory.py [--pictures 5000 20000]

Each step runs in a process of its own, as its rule runs it, on grainy pictures (JPEG files): intake
of originals and of as many candidates, augmentation, encoder (few steps, on the pictures of its
role), fingerprints of originals, perturbations and candidates, calibration, and decisions.
`--quick` puts a projection in place of the encoder's network in the fingerprint steps, whose own
memory does not depend on the number of pictures: that saves hours. Adds to
results/images_memory.json: peak resident memory of the process, and of the largest process it
started.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RESULT = Path(__file__).parent / "results" / "images_memory.json"
SEED = 3
COMPUTE = {"threads": 1, "micro_batch": 16, "device": "cpu", "precision": "fp32"}
STEPS = (
    "intake",
    "candidates",
    "augment",
    "encoder",
    "originals",
    "fingerprints",
    "calibrate",
    "decide",
)
GRAIN = 40  # grey levels: such pictures take 160 kB as PNG, more than photographs do


def entry(size: int) -> dict:
    """A release of so many pictures, two eyes a person and two pictures an eye."""
    from avatarflow.config.loading import load

    release = {
        "source": {"manifest": "manifest.csv", "root": "."},
        "conditions": {"eye_side": ["left", "right"]},
        "size_px": size,
        "split": {"shares": {"encoder": 0.2, "calibration": 0.3, "test": 0.3, "heldout": 0.2}},
        "augment": {"copies": 2},
        "cone": {"families": ["brightness"], "draws": 4, "fewest_persons": 5},
        "fingerprint": {"steps": 2, "width": 16, "dimensions": 64, "persons_per_step": 8},
        "gates": {},
    }
    return load({"releases": {"x": release}})["releases"]["x"]


def write_photographs(folder: Path, pictures: int, size: int) -> None:
    """Write grainy smooth pictures as JPEG files, four of a patient, and the manifest that lists them."""
    import numpy as np
    from PIL import Image

    lines = ["file,patient_id,eye_side"]
    for number in range(pictures):
        patient = np.random.default_rng(number // 4).integers(0, 256, (8, 8, 3))
        own = np.random.default_rng([1, number]).integers(-40, 40, (8, 8, 3))
        small = Image.fromarray((patient + own).clip(0, 255).astype(np.uint8))
        smooth = np.asarray(small.resize((size, size), Image.Resampling.BICUBIC), np.int16)
        grain = np.random.default_rng([2, number]).integers(
            -GRAIN, GRAIN, smooth.shape, np.int16, endpoint=True
        )
        grainy = (smooth + grain).clip(0, 255).astype(np.uint8)
        Image.fromarray(grainy).save(folder / f"{number}.jpg", quality=90)
        lines.append(f"{number}.jpg,{number // 4},{'left' if number % 2 else 'right'}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def run(step: str, folder: Path, size: int) -> None:
    """One step, as its rule runs it."""
    from avatarflow.runs.context import Step

    asked, null = entry(size), Step.null()
    source = folder / "photographs"
    manifest, root = str(source / "manifest.csv"), str(source)
    at = {
        name: str(folder / name)
        for name in ("pool", "made", "training", "encoder", "summary", "state")
    }
    files = {
        name: str(folder / f"{name}.safetensors")
        for name in ("originals", "own", "calibration", "test", "seen", "fingerprints", "cones")
    }
    if step == "intake":
        from avatarflow.intake.sources.rows import Place
        from avatarflow.intake.sources.withdrawn import IntakeInputs
        from avatarflow.intake.step import take_in

        inputs = IntakeInputs(Place(root, manifest))
        outputs = {**at, "pictures": at["pool"], "refused": str(folder / "refused")}
        take_in(asked, inputs, SEED, 1, outputs, null)
    elif step == "candidates":
        from avatarflow.intake.candidates import take_in_candidates

        take_in_candidates(asked, manifest, root, 1, at["made"], at["summary"], null)
    elif step == "augment":
        from avatarflow.generators.training_data import training_set

        training_set(at["pool"], asked["augment"], SEED, at["training"], null)
    elif step == "encoder":
        from avatarflow.privacy.fingerprints import step as fingerprints

        settings = {**asked["fingerprint"], "families": asked["cone"]["families"]}
        fingerprints.fit(at["pool"], settings, COMPUTE, SEED, at["state"], at["encoder"], null)
    elif step == "originals":
        from avatarflow.privacy.fingerprints import step as fingerprints

        fingerprints.originals(at["pool"], at["encoder"], asked["cone"], COMPUTE, SEED, files, null)
    elif step == "fingerprints":
        from avatarflow.privacy.fingerprints import step as fingerprints

        fingerprints.candidates(at["made"], at["encoder"], COMPUTE, files["fingerprints"])
    elif step == "calibrate":
        from avatarflow.privacy.cones.calibration import calibrate_entry

        calibrate_entry(
            {**at, **files},
            asked["cone"],
            SEED,
            {
                "cones": files["cones"],
                "risks": str(folder / "risks"),
                "calibrated": at["summary"],
                "plane": str(folder / "plane.png"),
            },
            null,
        )
    else:
        from avatarflow.privacy.cones.decide_step import judge_pictures

        inputs = {**at, **files, "candidates": at["made"]}
        judge_pictures(inputs, "foreign", str(folder / "decisions.parquet"), null)


def project_instead() -> None:
    """Let the encoder's network be a fixed projection of coarse pictures, which costs next to nothing."""
    import torch
    from torch.nn import functional

    from avatarflow.privacy.fingerprints.encoder import Network

    def forward(network: Network, pictures: torch.Tensor) -> torch.Tensor:
        coarse = functional.adaptive_avg_pool2d(pictures, 8).flatten(1) - 0.5  # (n, 192)
        weights = torch.randn(
            (192, network.dimensions), generator=torch.Generator().manual_seed(SEED)
        )
        return functional.normalize(coarse @ weights, dim=1)

    Network.forward = forward


def peak_mb() -> int:
    """Largest resident memory of this process so far; unlike that of `getrusage` it starts with this program."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return (
        int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
        // 1024
    )


def measure(step: str, folder: Path, pictures: int, args: argparse.Namespace) -> dict:
    """Run one step in a process of its own."""
    child = [sys.executable, __file__, "--child", step, str(folder), "--size", str(args.size)]
    quick = args.quick and step in ("originals", "fingerprints")
    start = time.monotonic()
    done = subprocess.run(
        [*child, "--quick"] if quick else child, check=True, capture_output=True, text=True
    )
    peak, children = map(int, done.stdout.strip().splitlines()[-1].split())
    return {
        "step": step,
        "pictures": pictures,
        "size_px": args.size,
        "peak_mb": peak,
        "largest_child_mb": children,
        "wall_s": round(time.monotonic() - start, 1),
        "network": "projection" if quick else "own",
    }


def main() -> None:
    """Measure every step at every number of pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", nargs="+", default=list(STEPS), choices=STEPS)
    parser.add_argument(
        "--quick", action="store_true", help="a projection for the encoder's network"
    )
    parser.add_argument(
        "--work", type=Path, help="keep what the steps write here, and go on from it"
    )
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        if args.quick:
            project_instead()
        run(args.child[0], Path(args.child[1]), args.size)
        print(peak_mb(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
        return
    for pictures in args.pictures:
        with tempfile.TemporaryDirectory() as name:
            folder = args.work / str(pictures) if args.work else Path(name)
            if not (folder / "photographs").exists():
                (folder / "photographs").mkdir(parents=True)
                write_photographs(folder / "photographs", pictures, args.size)
            for step in args.steps:
                add(measure(step, folder, pictures, args))


def add(row: dict) -> None:
    """Write a figure, in place of an older one of the same step and number of pictures."""
    print(row, flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    rows = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else []
    same = ("step", "pictures", "size_px")
    rows = [one for one in rows if any(one[name] != row[name] for name in same)] + [row]
    rows.sort(key=lambda one: (one["size_px"], STEPS.index(one["step"]), one["pictures"]))
    RESULT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
