#!/usr/bin/env python3
"""A teacher overfitted on purpose: what the cone catches of its copies, what attacks see, what a student keeps.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/attacks/overfitted_teacher.py --work DIR
    PYTHONPATH=workflow/scripts .venv/bin/python experiments/attacks/overfitted_teacher.py \
        --work DIR --real ../shared/data/eyes

Generated eyes of known identity. Apart from each other: persons who train the encoder, who
calibrate the cone, strangers, and members. Few: a generator is trained on 30 members far too long,
draws pictures, and every copy among them must be rejected. Many: one is trained on 300 members too
long; a student learns from what the cone lets pass, and is attacked with all 300 members and 300
non-members. With --real the first part alone, on the fundus photographs.

All that takes long continues from DIR after a stop. Writes results/overfitted_teacher[_real].json
and the contact sheet docs/figures/overfitted_teacher.png (of real eyes it stays in DIR).
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS, FIGURES = HERE / "results", HERE.parents[1] / "docs" / "figures"

SIZE_PX, SEED = 48, 1
PERSONS = {"encoder": 400, "calibration": 200, "non_member": 300, "member": 300}
FEW = 30
DRAWS = 4
SETTINGS: dict[str, Any] = {
    "population": 11,
    "conditions": {"sex": ["female", "male"]},
    "compute": {"threads": 1, "micro_batch": 32, "device": "cpu", "precision": "fp32"},
    "network": {"channels": [32, 64], "attention": [6], "head_channels": 16, "latent_channels": 16},
    "encoder": {
        "size_px": SIZE_PX,
        "width": 16,
        "dimensions": 96,
        "steps": 250,
        "persons_per_step": 64,
    },
    "few": {
        "steps": 3000,
        "batch": 16,
        "learning_rate": 2.0e-3,
        "ema_decay": 0.99,
        "checkpoint_steps": 200,
    },
    "many": {
        "steps": 1500,
        "batch": 32,
        "learning_rate": 2.0e-3,
        "ema_decay": 0.99,
        "checkpoint_steps": 200,
    },
    "student": {
        "steps": 500,
        "batch": 32,
        "learning_rate": 2.0e-3,
        "ema_decay": 0.99,
        "checkpoint_steps": 200,
    },
    "plant": {
        "steps": 300,
        "batch": 16,
        "learning_rate": 1.0e-3,
        "warmup_steps": 20,
        "ema_decay": 0.98,
    },
    "sample": {"few": 120, "many": 350, "student": 30},
    "sampling": {"steps": 25, "guidance": [1.0]},
    "attacks": {"largest_auc": 0.6, "fewest_persons": 150},
    "modes": [["conformal", 0.02], ["reject-all", 0.05]],
    "looked_at": {"few": 3, "many": 1},
}
"""Fixed before the first run on this population; tried out on population 101 alone (--population)."""

MANY: dict[str, Any] = {
    "population": 12,
    "size_px": 32,
    "network": {"channels": [32, 64], "attention": [4], "head_channels": 16, "latent_channels": 16},
    "encoder": {**SETTINGS["encoder"], "size_px": 32},
    "many": {**SETTINGS["many"], "steps": 1600},
    "sample": {**SETTINGS["sample"], "many": 500},
    "plant": {
        **SETTINGS["plant"],
        "steps": 1500,
    },  # each non-member as often as the teacher saw a member
}
"""What is other for the teacher of many and its student: at 48 px 1,500 steps had not overfitted it (population 11)."""

STAGES = {
    "few": (("learning", "learn"), ("judging", "judge"), ("judging", "report")),
    "many": (("learning", "learn"), ("judging", "judge"), ("judging", "report")),
    "student": (("learning", "distil"), ("judging", "report")),
}


def main() -> None:
    """Every stage in a process of its own: torch and faiss never share one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--work", type=Path, required=True, help="folder that a stopped run continues from"
    )
    parser.add_argument(
        "--real", type=Path, help="folder with manifest.csv of real fundus photographs"
    )
    parser.add_argument(
        "--population",
        type=int,
        default=SETTINGS["population"],
        help="another: to try settings out",
    )
    parser.add_argument("--parts", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--stage", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    work = given.work / ("real" if given.real else str(given.population))
    asked = {
        "size_px": SIZE_PX, **SETTINGS, "population": given.population, "real": str(given.real) if given.real else None,
        "seed": SEED, "persons": PERSONS, "few_persons": FEW, "draws": DRAWS,
    }  # fmt: skip
    if given.stage:
        module, name, part = given.stage
        sys.path[:0] = [str(HERE), str(HERE.parent / "cone")]
        own = asked if part == "few" else {**asked, **MANY}
        getattr(__import__(f"overfitted_teacher_{module}"), name)(folder_of(work, part), own, part)
        return
    for part in given.parts if not given.real else ("few",):
        work_ = folder_of(work, part)
        work_.mkdir(parents=True, exist_ok=True)
        done = work_ / f"{part}.done"
        for stage in () if done.exists() else STAGES[part]:
            subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], "--stage", *stage, part], check=True
            )
        done.touch()
        # a trial leaves nothing behind
        if given.real or given.population == SETTINGS["population"]:
            keep(work_, given.real is not None)


def folder_of(work: Path, part: str) -> Path:
    """Few and many are of two populations, each with a folder of its own."""
    return work if part == "few" else work / "many"


def keep(work: Path, real: bool) -> None:
    """The figures so far, and the sheet unless it shows real eyes."""
    found = json.loads((work / "found.json").read_text(encoding="utf-8"))
    name = "overfitted_teacher_real" if real else "overfitted_teacher"
    if work.name == "many":
        found = {
            f"{key}_of_many" if key in ("settings", "seconds") else key: value
            for key, value in found.items()
        }
    path = RESULTS / f"{name}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(
        json.dumps({**before, **found}, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    if not real and (work / "few.png").exists():
        FIGURES.mkdir(exist_ok=True)
        (FIGURES / f"{name}.png").write_bytes((work / "few.png").read_bytes())


if __name__ == "__main__":
    main()
