"""A release in small: a pool, samples and decisions, of pictures that anybody can tell apart but by their files."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from avatarflow.imaging.shards import write_shards
from avatarflow.reader_study.app import create_app
from avatarflow.reader_study.material import make_material
from avatarflow.reader_study.serve import served
from avatarflow.reader_study.store import PEOPLE, opened, sqlite_url
from avatarflow.reader_study.study import Study
from avatarflow.runs.context import Step

CONDITIONS = {"eye_side": ["left", "right"]}
SCALES = (1.0, 1.5, 2.0, 3.0, 4.0)
SIDE_PX = 24
SETTINGS = {
    "parts": ["clinical", "origin", "similarity"],
    "show_real": True,
    "pictures_per_scale": 3,
    "real_pictures": 6,
    "pairs": 6,
    "clinical_columns": ["eye_side"],
    "ask_disc": True,
    "languages": ["de", "en"],
    "seed": None,
    "readers": 12,
    "reader_sd": 0.5,
    "picture_sd": 0.5,
}


def write_release(folder, per_scale=20, persons=60):
    """Grainy originals, two photographs of every third eye; smooth synthetic pictures, every fifth rejected."""
    random = np.random.default_rng(5)
    person = np.repeat(np.arange(persons), 1 + (np.arange(persons) % 3 == 0))
    n = len(person)
    pool = pd.DataFrame(
        {
            "item": np.arange(n),
            "row": np.arange(n) + 1,
            "person": person,
            "eye": person,
            "role": np.where(person % 2, "heldout", "encoder"),
            "eye_side": np.where(person % 4 < 2, "left", "right"),
        }
    )
    grain = random.integers(0, 256, (n, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    write_shards(folder / "pool", grain, pool)
    count = per_scale * len(SCALES)
    samples = pd.DataFrame(
        {
            "candidate": [f"student-{number:06d}" for number in range(count)],
            "eye_side": ["left", "right"] * (count // 2),
            "guidance": np.repeat(SCALES, per_scale),
            "class_id": 0,
        }
    )
    flat = np.broadcast_to(
        np.arange(count, dtype=np.uint8)[:, None, None, None], (count, SIDE_PX, SIDE_PX, 3)
    )
    write_shards(folder / "samples", flat, samples)
    decisions = pd.DataFrame(
        {
            "candidate": samples["candidate"],
            "accepted": np.arange(count) % 5 != 4,
            "risk": random.random(count) + 1,
            "matched_original": random.integers(1, n + 1, count),
        }
    )
    decisions.to_parquet(folder / "decisions.parquet")
    return {
        "pool": str(folder / "pool"),
        "samples": str(folder / "samples"),
        "decisions": str(folder / "decisions.parquet"),
    }


def make(inputs, folder, seed=1, **changed):
    """Make the material; returns the folder that has it."""
    outputs = {
        "shown": folder / "shown",
        "key": folder / "key.parquet",
        "power": folder / "power.json",
    }
    settings = {"reader_study": {**SETTINGS, **changed}, "conditions": CONDITIONS, "seed": seed}
    make_material("eyes", inputs, settings, outputs, Step.null())
    return folder


class Served:
    """A study that is served: where, its store, its key."""

    def __init__(self, folder, address, store, study):
        self.folder, self.address, self.store, self.study = folder, address, store, study
        self.key = pd.read_parquet(folder / "key.parquet")


def serving(folder, stack, made_by=PEOPLE, name="answers.sqlite"):
    """Serve a study until the stack is closed."""
    study = Study.read(folder / "shown")
    # in memory where that is possible: thousands of answers wait for no disk
    memory = Path("/dev/shm")
    disk = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
    url = sqlite_url(Path(stack.enter_context(disk)) / name)
    store = stack.enter_context(opened(url, study.digest, made_by))
    return Served(folder, stack.enter_context(served(create_app(study, store))), store, study)
