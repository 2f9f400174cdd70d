#!/usr/bin/env python3
"""Peak memory of the steps from intake to decisions, at several numbers of pictures: it must not grow with them.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/machine/images_memory.py [--pictures 5000 20000]

Each step runs in a process of its own, as its rule runs it, on grainy pictures (JPEG files): intake
of originals and of as many candidates, augmentation, encoder (few steps, on the pictures of its
role), fingerprints of originals, perturbations and candidates, calibration, and decisions.
`--quick` puts a projection in place of the encoder's network in the fingerprint steps, whose own
memory does not depend on the number of pictures: that saves hours.

The steps from `draw` on are at the defaults, 14 families, 4 draws and 192 dimensions (fine-tuning
for two steps with two pictures each, without a base). `draw`
measures nothing: it draws fingerprints of originals, of their perturbations and of candidates where
the encoder would take hours, and takes the originals' pictures for candidates. With `--quick` the
verifier has 400 random keypoints of each original, the most there can be, in an index of a twelfth
of the cells, and is asked 30 times: every later picture is like none.
Adds to results/images_memory.json: peak resident memory of the process, and of the largest process
it started.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
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
    "draw",
    "calibrate at defaults",
    "decide at defaults",
    "baselines",
    "verifier's trial",
    "calibrate with verifier",
    "verify",
    "fine-tuning",
    "collecting samples",
    "leaks",
    "attack pictures",
    "evaluate",
    "baseline of the evaluation",
    "release figures",
)
ASKED = 30  # questions to the verifier that are answered where `--quick` is asked for
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


def at_defaults(size: int) -> dict:
    """As `entry`, with the cones, fingerprints and verifier that a release has by default."""
    from avatarflow.config.loading import load

    mine = {"evaluate": {"classifier": {"steps": 20}}, "gates": {}}
    kept = {name: entry(size)[name] for name in ("source", "conditions", "size_px", "split")}
    return load({"releases": {"x": kept | mine}})["releases"]["x"]


def draw(folder: Path, size: int) -> None:
    """Draw the fingerprints of a pool and of as many candidates, and take the pool's pictures for candidates."""
    import numpy as np
    import pyarrow.parquet as pq

    from avatarflow.imaging.shards import IMAGE, read_table, shard_files
    from avatarflow.privacy.cones.cone import Cones
    from avatarflow.privacy.cones.shape import Shape
    from avatarflow.privacy.fingerprints.files import save_rows, write_rows
    from avatarflow.privacy.fingerprints.fingerprint import Encoder, network_of
    from avatarflow.privacy.measured import measured_rows

    asked, table = at_defaults(size), read_table(folder / "pool")
    settings = {**asked["fingerprint"], "size_px": size}
    encoder = Encoder(network_of(settings), settings)
    encoder.save(folder / "encoder192")
    drawing, d = np.random.default_rng(SEED), settings["dimensions"]

    def near(rows: np.ndarray, angle: float) -> np.ndarray:
        moved = rows + angle / d**0.5 * drawing.standard_normal(rows.shape, np.float32)
        return moved / np.linalg.norm(moved, axis=-1, keepdims=True)

    persons = near(np.zeros((table["person"].max() + 1, d), np.float32), 1.0)
    originals = near(persons[table["person"]], 0.7)
    save_rows(folder / "192.originals.safetensors", originals, encoder.digest)
    save_rows(folder / "192.fingerprints.safetensors", near(0 * originals, 1.0), encoder.digest)
    each = len(asked["cone"]["families"]) * asked["cone"]["draws"]
    wanted = {
        "own": np.flatnonzero(table["role"] != "heldout"),
        "calibration": np.flatnonzero(table["role"] == "calibration"),
        **{purpose: measured_rows(table, purpose, SEED) for purpose in ("test", "seen")},
    }
    for purpose, rows in wanted.items():
        parts = (
            (np.arange(k * each, (k + 1) * each), near(np.repeat(originals[[row]], each, 0), 0.2))
            for k, row in enumerate(rows)
        )
        write_rows(
            folder / f"192.{purpose}.safetensors", (len(rows), each, d), parts, encoder.digest
        )
    known = (table["role"] != "heldout").to_numpy()
    Cones(
        originals[known], table["row"].to_numpy()[known], np.full(known.sum(), 0.22), np.full(known.sum(), 1.4),
        Shape.of(asked["cone"]), 0.5, encoder.digest, table["person"].to_numpy()[known],
    ).save(folder / "192.cones.safetensors")  # fmt: skip
    trial = {"matcher": "keypoints", "threshold": 10.0, "refuse_unseen": True}
    (folder / "trial").write_text(json.dumps(trial), encoding="utf-8")
    (folder / "calibrated").write_text("{}", encoding="utf-8")
    (folder / "samples").mkdir(exist_ok=True)
    done = 0
    for file in shard_files(folder / "pool"):
        shard = pq.read_table(file, columns=[IMAGE, "eye_side"])
        names = [f"student-{done + row:06d}" for row in range(len(shard))]
        shard = shard.append_column("candidate", [names])
        shard = shard.append_column("guidance", [[2.0] * len(shard)])
        pq.write_table(shard, folder / "samples" / file.name, compression="zstd")
        done += len(shard)


def run_at_defaults(step: str, folder: Path, size: int) -> None:
    """One of the steps behind `draw`, as its rule runs it."""
    from avatarflow.runs.context import Step

    asked, null = at_defaults(size), Step.null()
    at = {
        name: str(folder / name)
        for name in (
            "pool",
            "samples",
            "leaks",
            "trial",
            "calibrated",
            "results",
            "figure.png",
            "verified.json",
        )
    }
    at |= {"encoder": str(folder / "encoder192"), "candidates": at["samples"]}
    at |= {
        name: str(folder / f"192.{name}.safetensors")
        for name in ("originals", "own", "calibration", "test", "seen", "fingerprints", "cones", "leaked")
    }  # fmt: skip
    at |= {name: str(folder / f"{name}.parquet") for name in ("decisions", "verifier")}
    if step == "draw":
        draw(folder, size)
    elif step in ("calibrate at defaults", "calibrate with verifier"):
        from avatarflow.privacy.cones.calibration import calibrate_entry

        together = "verifier" in step
        inputs = {name: at[name] for name in at if name != "trial" or together}
        cones = str(folder / "together") if together else at["cones"]
        made = {"cones": cones, "risks": str(folder / "risks")}
        made |= {"calibrated": at["calibrated"], "plane": at["figure.png"]}
        calibrate_entry(inputs, asked["cone"], SEED, made, null)
    elif step == "decide at defaults":
        from avatarflow.privacy.cones.decide_step import judge_pictures

        judge_pictures({**at, "verifier": None}, "student", at["decisions"], null)
    elif step == "baselines":
        from avatarflow.privacy.baselines.step import compare_entry

        compare_entry(at, SEED, at["results"], at["figure.png"], null)
    elif step == "verifier's trial":
        from avatarflow.privacy.verifier.trial import try_verifier

        families = asked["cone"]["families"]
        try_verifier(at["pool"], asked["verifier"], families, SEED, at["results"], null)
    elif step == "verify":
        from avatarflow.privacy.verifier.verify import verify_candidates

        verify_candidates(at, asked["verifier"], SEED, at["verifier"], at["verified.json"], null)
    elif step == "fine-tuning":
        from avatarflow.generators.steps import finetune

        # the pool stands for the augmented originals; a batch of 2, as a larger one hides them
        training = {**asked["finetune"], "steps": 2, "batch": 2}
        settings = {"training": training, "tuning": asked["base"]["tuning"], "compute": COMPUTE}
        settings |= {name: asked[name] for name in ("conditions", "generator", "network")}
        model = str(folder / "teacher" / "model_index.json")
        finetune(at["pool"], settings | {"seed": SEED}, model, str(folder / "state"), None, null)
    elif step == "collecting samples":
        from avatarflow.imaging.shards import recut

        recut([at["samples"]], str(folder / "collected"))
    elif step == "leaks":
        from avatarflow.privacy.attacks.controls.leaked_pictures import write_leaks

        write_leaks(at["pool"], at["encoder"], COMPUTE, SEED, at["leaks"], at["leaked"])
    elif step == "attack pictures":
        from avatarflow.privacy.attacks.on_pictures.step import attack_pictures

        attack_pictures(
            at | {"leaks_fingerprints": at["leaked"]}, asked["conditions"], asked["attacks"], SEED,
            "student", at["results"], null,
        )  # fmt: skip
    elif step == "evaluate":
        from avatarflow.quality.evaluation import evaluate_entry

        columns = list(asked["conditions"])
        made = {"metrics": at["results"], "overview": at["figure.png"]}
        evaluate_entry(at, asked["evaluate"], columns, SEED, made, null, threads=1)
    elif step == "baseline of the evaluation":
        from avatarflow.generators.pca_gaussian.gaussian import pca_gaussian
        from avatarflow.quality.samples import Sample

        cap = asked["evaluate"]["pictures"]
        some = Sample.read(at["pool"]).at_most(cap, SEED, "evaluate.training")
        pca_gaussian(some.pictures, len(some.table), SEED)
    else:
        import pandas as pd

        from avatarflow.quality.evaluation import accepted
        from avatarflow.quality.samples import Sample
        from avatarflow.release.gates.figures import different_pictures

        released = accepted(Sample.read(at["samples"]), pd.read_parquet(at["decisions"]))
        different_pictures(released.pictures)


def ask_less() -> None:
    """Let the verifier have random keypoints, a coarser index, and few questions; the settings plane one beta."""
    import numpy as np

    from avatarflow.privacy.cones import calibration, settings_plane
    from avatarflow.privacy.verifier import (
        MATCHERS,
        Matcher,
        descriptors,
        keypoint_votes,
        keypoints,
    )

    plane = settings_plane.settings_plane
    calibration.settings_plane = lambda *of, **how: plane(*of, betas=(0.2,), **how)
    drawing, left = np.random.default_rng(SEED), iter(range(ASKED))

    def template(picture: np.ndarray) -> keypoints.Template:
        rows = np.abs(drawing.standard_normal((keypoints.MOST, keypoints.LENGTH), np.float32))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        points = drawing.uniform(0, keypoints.SIDE_PX, (len(rows), 2)).astype(np.float32)
        return keypoints.Template(keypoints.Keypoints(points, rows))

    answer = keypoint_votes.Index.most_alike

    def most_alike(
        index: keypoint_votes.Index, candidates: Sequence, enough: float = np.inf,
        without: Sequence = (),
    ) -> tuple:  # fmt: skip
        some = [each for each, _ in zip(candidates, left, strict=False)]
        alike, original = answer(index, some, enough, without[: len(some)])
        spare = (0, len(candidates) - len(some))
        return np.pad(alike, spare), np.pad(original, spare)

    keypoint_votes.Index.most_alike = most_alike
    descriptors.CELLS, descriptors.TRAINED = descriptors.CELLS / 12, descriptors.TRAINED * 6
    MATCHERS["keypoints"] = Matcher(
        template, keypoints.similarity, keypoints.SAME_FILE, lambda picture: iter([template(picture)])
    )  # fmt: skip


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


QUICK = {
    **dict.fromkeys(("originals", "fingerprints", "leaks"), "projection"),
    "calibrate at defaults": "one beta of the settings plane",
    **dict.fromkeys(("verifier's trial", "calibrate with verifier", "verify"), "drawn keypoints"),
}
"""Steps that are made shorter on request, and by what."""


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
    quick = args.quick and step in QUICK
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
        "network": QUICK[step] if quick else "own",
    }


def main() -> None:
    """Measure every step at every number of pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, nargs="+", default=[5000, 20000])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", nargs="+", default=list(STEPS), choices=STEPS)
    parser.add_argument("--quick", action="store_true", help="a projection and drawn keypoints")
    parser.add_argument(
        "--work", type=Path, help="keep what the steps write here, and go on from it"
    )
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        if args.quick:
            (project_instead if QUICK[args.child[0]] == "projection" else ask_less)()
        later = STEPS.index(args.child[0]) >= STEPS.index("draw")
        (run_at_defaults if later else run)(args.child[0], Path(args.child[1]), args.size)
        print(peak_mb(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
        return
    for pictures in args.pictures:
        with tempfile.TemporaryDirectory() as name:
            folder = args.work / str(pictures) if args.work else Path(name)
            if not (folder / "photographs").exists():
                (folder / "photographs").mkdir(parents=True)
                write_photographs(folder / "photographs", pictures, args.size)
            for step in args.steps:
                row = measure(step, folder, pictures, args)
                if step != "draw":
                    add(row)


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
