#!/usr/bin/env python3
"""Generator families on the same generated eyes: KID, coverage, and the processor seconds that they took.

    OMP_NUM_THREADS=1 PYTHONPATH=workflow/scripts .venv/bin/python experiments/generators/families.py

Every family learns from one picture of each eye of 400 generated persons at 64 px; 200 others are held out.
All are sampled at guidance 1. The family vae is sampled twice, from its fitted prior and from N(0, 1). The
figures are those of a release's `evaluation/`, intervals over persons. Writes `results/families.json` and a
contact sheet per family.
"""

import argparse
import json
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from avatarflow.generators.conditions import Conditions
from avatarflow.generators.interface import sample, train
from avatarflow.generators.pca_gaussian.gaussian import pca_gaussian
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.generators.vae import files
from avatarflow.generators.vae.prior import Prior
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.sheet import contact_sheet
from avatarflow.quality.comparison import compare
from avatarflow.quality.encoders import ENCODERS
from avatarflow.quality.samples import Sample
from avatarflow.runs.context import Step

RESULTS = Path(__file__).parent / "results"
EYES = Conditions({"sex": ["female", "male"], "eye_side": ["left", "right"]})
COMPUTE = {"threads": 1, "micro_batch": 32, "precision": "fp32", "device": "cpu"}
SIZE_PX, TRAINED, HELD_OUT, SEED, PER_CONDITION = 64, 400, 200, 1, 100
SETTINGS = {"bootstrap": 500, "neighbours": 5}
SHORT = {"batch": 32, "learning_rate": 2e-3, "ema_decay": 0.99}
NETWORK = {"channels": (48, 96, 144)}
FAMILIES: dict[str, dict[str, Any]] = {
    "pca_gaussian": {"generator": {"family": "pca_gaussian", "variance": 0.95}},
    "vae": {
        "generator": {"family": "vae", "vae": {}},
        "network": NETWORK,
        "training": {"steps": 1000, **SHORT},
    },
    "diffusion": {
        "generator": {"family": "diffusion"},
        "network": NETWORK,
        "training": {"steps": 450, "batch": 16, "learning_rate": 1e-3, "ema_decay": 0.99},
    },
    "gan": {
        "generator": {"family": "gan", "gan": {"augmentation": [], "gradient_penalty": 0.3}},
        "network": {"channels": (32, 64, 96)},
        "training": {"steps": 650, "batch": 16, "learning_rate": 2e-3, "ema_decay": 0.99},
    },
}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--vae", type=json.loads, default={}, help="settings of generator.vae")
    parser.add_argument("--gan", type=json.loads, default={}, help="settings of generator.gan")
    parser.add_argument("--steps", type=int, help="training steps, instead of those written here")
    parser.add_argument("--out", type=Path, default=RESULTS / "families.json")
    return parser.parse_args()


def eyes() -> tuple[Sample, Sample]:
    """Pictures of persons who are trained on, and of others."""
    identities = list(range(2 * (TRAINED + HELD_OUT)))
    pictures, table = draw_eyes("fundus", identities, [0] * len(identities), SIZE_PX, SEED)
    both = Sample(pictures, table)
    trained = (table["person"] < TRAINED).to_numpy()
    return both.where(trained), both.where(~trained)


def fit(name: str, training: Sample, folder: Path) -> float:
    """Train a family; return the processor seconds."""
    began = time.process_time()
    asked = FAMILIES[name]
    task = TrainingTask(
        training.pictures, training.table, EYES, asked.get("training", {}), COMPUTE, SEED,
        state=folder / "state", out=folder / "model", generator=asked["generator"],
        network=asked.get("network", {}),
    )  # fmt: skip
    train(task, Step.null())
    return time.process_time() - began


def draw(name: str, folder: Path) -> tuple[Sample, float]:
    """Fresh pictures, and the processor seconds that they took."""
    began = time.process_time()
    shard = folder / "pictures.parquet"
    task = SamplingTask(
        EYES, {"guidance": (1.0,), "steps": 20, "per_condition": PER_CONDITION}, COMPUTE, SEED,
        stage="teacher", state=folder / "sampled", out=shard,
    )  # fmt: skip
    sample(FAMILIES[name]["generator"]["family"], folder / "model", task, Step.null())
    return Sample.read(shard), time.process_time() - began


def with_standard_prior(folder: Path) -> Path:
    """A copy of a vae that draws from N(0, 1)."""
    out = folder.with_name("standard")
    parts = files.load(folder / "model")
    standard = Prior.standard(*parts.prior.means.shape)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    files.save(
        files.Parts(parts.network, parts.codec, standard, parts.labels, parts.size_px),
        out / "model",
    )
    return out


def measured(made: Sample, training: Sample, held_out: Sample) -> dict[str, Any]:
    """Figures of a sample in every encoder."""
    naive = Sample(pca_gaussian(training.pictures, len(made.table), SEED, 0.95), made.table)
    found = {}
    for encoder in ENCODERS:
        every = compare(encoder, made, naive, training, held_out, SETTINGS, SEED)
        found[encoder] = {key: every[key] for key in ("kid", "kid_ratio", "coverage", "density")}
    return found


def show(name: str, made: Sample, out: Path) -> None:
    """Write a contact sheet of the first pictures of every condition."""
    labels = [" ".join(row) for row in made.table[list(EYES.columns)].to_numpy()]
    order = np.argsort(labels, kind="stable").reshape(-1, PER_CONDITION)[:, :10].ravel()
    page = contact_sheet(made.pictures[order], 10, [labels[one] for one in order])
    page = page.resize((page.width * 3 // 2, page.height * 3 // 2), Image.Resampling.LANCZOS)
    page.save(out.with_name(f"{out.stem}_{name}.png"), optimize=True)


def main() -> None:
    """Measure every family and write the figures after each."""
    asked = arguments()
    FAMILIES["vae"]["generator"]["vae"] = asked.vae
    FAMILIES["gan"]["generator"]["gan"] |= asked.gan
    training, held_out = eyes()
    out: Path = asked.out
    out.parent.mkdir(exist_ok=True)
    rows = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    for name in asked.families:
        if asked.steps:
            FAMILIES[name]["training"]["steps"] = asked.steps
        with TemporaryDirectory() as place:
            folder = Path(place) / name
            folder.mkdir()
            trained_s = fit(name, training, folder)
            targets = {name: folder}
            if name == "vae":
                targets["vae_standard_prior"] = with_standard_prior(folder)
            for target, where in targets.items():
                made, sampled_s = draw(name, where)
                rows[target] = {
                    **FAMILIES[name], "trained_processor_s": round(trained_s, 1),
                    "sampled_processor_s": round(sampled_s, 1), "pictures": len(made.table),
                    **measured(made, training, held_out),
                }  # fmt: skip
                show(target, made, out)
                out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
                print(target, rows[target]["trained_processor_s"], figures(rows[target]))


def figures(row: dict[str, Any]) -> dict[str, Any]:
    """The leading figures of a row, for the terminal."""
    return {
        encoder: {
            "kid": round(row[encoder]["kid"]["released"]["value"], 4),
            "ratio": row[encoder]["kid_ratio"]["value"],
            "coverage": round(row[encoder]["coverage"]["released"]["value"], 3),
        }
        for encoder in ENCODERS
    }


if __name__ == "__main__":
    main()
