#!/usr/bin/env python3
"""Peak memory of the steps from intake to decisions, at several numbers of pictures: it must not grow with them.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/machine/images_memory.py [--pictures 5000 20000]

Each step runs in a process of its own on smooth noise (JPEG files): intake, augmentation, encoder (few steps, on the
pictures of its role), fingerprints of originals and perturbations (one family, four draws: the families follow each
other and share the memory), calibration, and decisions on the training pictures. Writes results/images_memory.json.
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
STEPS = ("intake", "augment", "encoder", "originals", "candidates", "calibrate", "decide")


def entry(pictures: int, size: int) -> dict:
    """A release of so many pictures, two eyes a person and two pictures an eye."""
    from avatarflow.config.loading import load

    del pictures
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
    """Write smooth noise as JPEG files, four of a patient, and the manifest that lists them."""
    import numpy as np
    from PIL import Image

    lines = ["file,patient_id,eye_side"]
    for number in range(pictures):
        patient = np.random.default_rng(number // 4).integers(0, 256, (8, 8, 3))
        own = np.random.default_rng([1, number]).integers(-40, 40, (8, 8, 3))
        small = Image.fromarray((patient + own).clip(0, 255).astype(np.uint8))
        small.resize((size, size), Image.Resampling.BICUBIC).save(
            folder / f"{number}.jpg", quality=90
        )
        lines.append(f"{number}.jpg,{number // 4},{'left' if number % 2 else 'right'}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def run(step: str, folder: Path, pictures: int, size: int) -> None:
    """One step, as its rule runs it."""
    from avatarflow.runs.context import Step

    asked, null = entry(pictures, size), Step.null()
    at = {
        name: str(folder / name)
        for name in ("pool", "training", "encoder", "summary", "refused", "state", "cones")
    }
    files = {
        name: str(folder / f"{name}.safetensors")
        for name in ("originals", "own", "calibration", "test", "made")
    }
    if step == "intake":
        from avatarflow.intake.step import take_in

        source = folder / "photographs"
        manifest = str(source / "manifest.csv")
        take_in(
            asked, manifest, str(source), SEED, 1, at["pool"], at["summary"], at["refused"], null
        )
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
    elif step == "candidates":
        from avatarflow.privacy.fingerprints import step as fingerprints

        fingerprints.candidates(at["training"], at["encoder"], COMPUTE, files["made"])
    else:
        judged(step, asked, at, files)


def judged(step: str, asked: dict, at: dict[str, str], files: dict[str, str]) -> None:
    """Calibration and decisions: no torch in this process."""
    import numpy as np

    from avatarflow.imaging.shards import read_table
    from avatarflow.privacy.cones.cone import Cones, calibrate, uncalibrated
    from avatarflow.privacy.cones.decide import risks
    from avatarflow.privacy.cones.shape import Shape
    from avatarflow.privacy.fingerprints.files import encoder_digest, load_rows

    digest = encoder_digest(at["encoder"])
    if step == "calibrate":
        table, rows = read_table(at["pool"]), load_rows(files["originals"], digest)
        gallery = (table["role"] != "heldout").to_numpy()
        persons = table["person"].to_numpy()
        cones = uncalibrated(
            rows[gallery], persons[gallery], table["row"].to_numpy()[gallery], load_rows(files["own"], digest),
            Shape.of(asked["cone"]),
        )  # fmt: skip
        draws = load_rows(files["calibration"], digest)
        whose = np.repeat(persons[(table["role"] == "calibration").to_numpy()], draws.shape[1])
        calibrate(cones, draws.reshape(-1, draws.shape[2]), whose, "reject-all", fewest_persons=5)[
            0
        ].save(at["cones"])
    else:
        risks(load_rows(files["made"], digest), Cones.read(at["cones"]))


def main() -> None:
    """Measure every step at every number of pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", nargs="+", default=list(STEPS), choices=STEPS)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        step, folder, pictures, size = args.child
        run(step, Path(folder), int(pictures), int(size))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    rows = []
    for pictures in args.pictures:
        with tempfile.TemporaryDirectory() as name:
            (Path(name) / "photographs").mkdir()
            write_photographs(Path(name) / "photographs", pictures, args.size)
            for step in args.steps:
                child = [
                    sys.executable,
                    __file__,
                    "--child",
                    step,
                    name,
                    str(pictures),
                    str(args.size),
                ]
                start = time.monotonic()
                done = subprocess.run(child, check=True, capture_output=True, text=True)
                peak = int(done.stdout.strip().splitlines()[-1])
                rows.append({"step": step, "pictures": pictures, "size_px": args.size, "peak_mb": peak,
                             "wall_s": round(time.monotonic() - start, 1)})  # fmt: skip
                print(rows[-1], flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
