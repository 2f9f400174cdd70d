#!/usr/bin/env python3
"""A teacher trained with differential privacy: epsilon against KID, agreement with the condition, and an attack.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/generators/differential_privacy.py POOL

POOL is `results/releases/<name>/pool/pictures` of any release, for instance what this makes of real eyes:

    AVATARFLOW_DATA=... snakemake --cores 1 --configfile config/fundus.yaml -- results/releases/fundus/pool/summary.json

The base is trained on generated eyes. Then the pool's patients, without the held-out ones, are learned at each epsilon
and without a guarantee. Every teacher is sampled at guidance 1, and asked by the attack `loss_threshold`; the base
itself is measured as well, since a teacher that learned nothing is private. Intervals are over patients. Writes
`results/differential_privacy.json` and a contact sheet of each.
"""

import argparse
import json
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from families import PER_CONDITION, RESULTS, measured

from avatarflow.core.differential_privacy import FILE
from avatarflow.core.paths import read_json
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.interface import open_denoiser, sample, train
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.sheet import contact_sheet
from avatarflow.privacy.attacks.interface import Scores, measure
from avatarflow.privacy.attacks.on_generator import loss
from avatarflow.quality.agreement import agreement
from avatarflow.quality.encoders import ENCODERS
from avatarflow.quality.samples import Sample
from avatarflow.runs.context import Step

SIDES = Conditions({"eye_side": ["left", "right"]})
COMPUTE = {"threads": 1, "micro_batch": 32, "device": "cpu"}
NETWORK = {"channels": (48, 96, 144)}
DIFFUSION = {"family": "diffusion"}
SEED, BLOCK = 1, 64


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pool", type=Path)
    parser.add_argument("--epsilons", type=float, nargs="*", default=[10.0, 3.0, 1.0])
    parser.add_argument("--delta", type=float, default=1e-3)
    parser.add_argument("--base-steps", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--patients", type=int, default=32)
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--out", type=Path, default=RESULTS / "differential_privacy.json")
    return parser.parse_args()


def fit(
    pictures: Sample, folder: Path, name: str, training: dict[str, Any], base: Path | None = None
) -> tuple[Path, float]:
    """Train a generator; return its folder and the processor seconds."""
    began = time.process_time()
    task = TrainingTask(
        pictures.pictures, pictures.table, SIDES, training, COMPUTE, SEED, state=folder / f"{name} state",
        out=folder / name, base=base, generator=DIFFUSION, network=NETWORK,
    )  # fmt: skip
    train(task, Step.null())
    return folder / name, time.process_time() - began


def draw(model: Path, folder: Path) -> Sample:
    """Fresh pictures."""
    shard = folder / "pictures.parquet"
    shard.unlink(missing_ok=True)
    shutil.rmtree(folder / "sampled", ignore_errors=True)
    asked = {"guidance": (1.0,), "steps": 20, "per_condition": PER_CONDITION}
    task = SamplingTask(
        SIDES, asked, COMPUTE, SEED, stage="teacher", state=folder / "sampled", out=shard
    )
    sample("diffusion", model, task, Step.null())
    return Sample.read(shard)


def attacked(model: Path, members: Sample, others: Sample) -> dict[str, Any]:
    """AUC of the loss threshold on patients who were trained on and others."""
    denoiser = open_denoiser("diffusion", model, SIDES, COMPUTE, "this experiment")
    values, persons = [], []
    for part in (members, others):
        ids = torch.from_numpy(SIDES.encode(SIDES.codes(part.table)))
        items = part.table["item"].to_numpy()
        for start in range(0, len(items), BLOCK):
            rows = slice(start, start + BLOCK)
            latents = denoiser.latents(part.pictures[rows])
            values.append(loss.score(denoiser, latents, ids[rows], items[rows], SEED))
        persons.append(part.table["person"].to_numpy())
    member = np.repeat([True, False], [len(each) for each in persons])
    found = measure(Scores(np.concatenate(values), member, np.concatenate(persons)))
    return {key: found[key] for key in ("auc", "members", "non_members")}


def show(made: Sample, out: Path) -> None:
    """Write a contact sheet of the first pictures of each side."""
    sides = made.table["eye_side"].to_numpy()
    rows = np.concatenate([np.flatnonzero(sides == side)[:16] for side in ("left", "right")])
    contact_sheet(made.pictures[rows], 8, list(sides[rows])).save(out, optimize=True)


def main() -> None:
    """Measure every teacher and write the figures after each."""
    asked = arguments()
    pool = Sample.read(asked.pool)
    held_out = (pool.table["role"] == "heldout").to_numpy()
    training, others = pool.where(~held_out), pool.where(held_out)
    size = pool.pictures.shape[1]
    rows: dict[str, Any] = {}
    with TemporaryDirectory() as place:
        folder = Path(place)
        identities = list(range(2000))
        eyes = Sample(*draw_eyes("fundus", identities, [0] * len(identities), size, SEED))
        base, _ = fit(eyes, folder, "base", {"steps": asked.base_steps, "ema_decay": 0.99})
        plain: dict[str, Any] = {
            "learning_rate": asked.learning_rate,
            "ema_decay": 0.95,
            "warmup_steps": 10,
        }
        for epsilon in (None, 0.0, *asked.epsilons):
            name = (
                f"epsilon {epsilon:g}" if epsilon else "no guarantee" if epsilon is None else "base"
            )
            training_of = plain | {"steps": 0 if epsilon == 0 else asked.steps, "batch": 64}
            if epsilon:
                training_of["differential_privacy"] = {
                    "epsilon": epsilon, "delta": asked.delta, "patients": asked.patients, "views": asked.views,
                }  # fmt: skip
            model, seconds = fit(training, folder, f"{name} model", training_of, base)
            made = draw(model, folder)
            told = agreement(
                training, others, made, ["eye_side"], {"steps": 200}, SEED, Step.null()
            )
            rows[name] = {
                "processor_s": round(seconds, 1),
                "differential_privacy": read_json(model / FILE) if epsilon else None,
                "patients": int(training.table["person"].nunique()),
                **measured(made, training, others),
                "agreement": told["eye_side"],
                "attack": attacked(model, training, others),
            }
            show(made, asked.out.with_name(f"{asked.out.stem}_{name.replace(' ', '_')}.png"))
            asked.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
            print(name, leading(rows[name]), flush=True)


def leading(row: dict[str, Any]) -> dict[str, Any]:
    """The leading figures of a row, for the terminal."""
    kid = {encoder: row[encoder]["kid"]["released"]["value"] for encoder in ENCODERS}
    auc = row["attack"]["auc"]
    agrees = row["agreement"]["asked"]["value"]
    return {
        "seconds": row["processor_s"],
        "kid": kid,
        "agreement": agrees,
        "auc": [auc["low"], auc["high"]],
    }


if __name__ == "__main__":
    main()
