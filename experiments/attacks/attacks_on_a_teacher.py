"""Membership inference on a small generator of generated eyes, with its two controls.

.venv/bin/python experiments/attacks/attacks_on_a_teacher.py

Writes results/attacks_on_a_teacher.json. About three minutes of one core; no network, no data.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "workflow" / "scripts"))

from avatarflow.generators.conditions import Conditions  # noqa: E402
from avatarflow.generators.diffusion.denoiser import Denoiser  # noqa: E402
from avatarflow.generators.diffusion.family import train  # noqa: E402
from avatarflow.generators.task import TrainingTask  # noqa: E402
from avatarflow.imaging.phantom.eyes import draw_eyes  # noqa: E402
from avatarflow.privacy.attacks.controls.leaking_generator import plant  # noqa: E402
from avatarflow.privacy.attacks.on_generator.registry import Known, attack_generator  # noqa: E402
from avatarflow.runs.context import Step  # noqa: E402

PERSONS, SIZE_PX, POPULATION, SEED = 320, 32, 3, 1
CONDITIONS = Conditions({"sex": ["female", "male"]})
COMPUTE = {"threads": 1, "micro_batch": 32, "device": "cpu", "precision": "fp32"}
NETWORK = {"channels": (32, 64), "attention": (4,), "head_channels": 16, "latent_channels": 16}
TRAINING = {"steps": 800, "batch": 32, "learning_rate": 2.0e-3, "ema_decay": 0.99}
PLANT = {"steps": 300, "batch": 16, "learning_rate": 1.0e-3, "warmup_steps": 20, "ema_decay": 0.98}
SETTINGS = {"largest_auc": 0.6, "fewest_persons": 150}

torch.set_num_threads(1)
rows = np.arange(PERSONS)
member = rows < PERSONS // 2
pictures, table = draw_eyes("fundus", (2 * rows).tolist(), [0] * PERSONS, SIZE_PX, POPULATION)
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    train(
        TrainingTask(
            pictures[member],
            table[member],
            CONDITIONS,
            network=NETWORK,
            training=TRAINING,
            compute=COMPUTE,
            seed=SEED,
            state=folder / "state",
            out=folder / "model",
        ),
        Step.null(),
    )
    known = Known(pictures, CONDITIONS.ids(table), rows, rows, member)
    settings = {
        "generator": {"family": "diffusion"},
        "attacks": {"positive_control": PLANT},
        "compute": COMPUTE,
    }
    planted = plant(
        folder / "model", known, CONDITIONS, settings, SEED, folder / "planted", Step.null()
    )
    denoiser, leaking = (
        Denoiser(each, CONDITIONS, COMPUTE) for each in (folder / "model", planted)
    )
    found = attack_generator(denoiser, leaking, known, SETTINGS, SEED)

out = ROOT / "benchmarks" / "results" / "attacks_on_a_teacher.json"
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
for attack, row in found.items():
    area, control = row["auc"], row["positive"]["auc"]["value"]
    rates = ", ".join(f"{each['value']:.3f}" for each in row["tpr"].values())
    print(
        f"{attack}: AUC {area['value']:.3f} [{area['low']:.3f}, {area['high']:.3f}], planted {control:.3f}"
    )
    print(f"  {row['conclusion']}: {row['reason']}; TPR {rates}")
