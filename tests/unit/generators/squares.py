"""Squares of two colours, from which tests of several families train tiny generators and draw again."""

import numpy as np
import pandas as pd

from avatarflow.generators.conditions import Conditions
from avatarflow.generators.interface import sample, train
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.runs.context import Step

TINTS = Conditions({"tint": ["red", "blue"]})
COMPUTE = {"threads": 1, "precision": "fp32", "device": "cpu", "micro_batch": 5}
NETWORK = {"channels": [16, 32], "norm_groups": 4, "latent_channels": 8}
TRAINING = {"steps": 10, "batch": 8, "warmup_steps": 2, "checkpoint_steps": 3, "log_steps": 1}


def squares(count=24):
    """Red or blue squares on black, at five places."""
    pictures = np.zeros((count, 16, 16, 3), np.uint8)
    tints = ["red" if number % 2 else "blue" for number in range(count)]
    for number, tint in enumerate(tints):
        at = 2 + number % 5
        pictures[number, at : at + 7, at : at + 7, 0 if tint == "red" else 2] = 200
    return pictures, pd.DataFrame({"tint": tints})


def fit(
    generator,
    folder,
    step=None,
    name="model",
    base=None,
    conditions=TINTS,
    size=16,
    compute=(),
    **training,
):
    """Train on squares; `generator` is `generator:` of the config."""
    pictures, table = squares()
    pictures = pictures[:, :size, :size]
    task = TrainingTask(
        pictures, table, conditions, TRAINING | training, COMPUTE | dict(compute), 5, folder / "state", folder / name,
        base=base, generator=generator, network=NETWORK,
    )  # fmt: skip
    train(task, step or Step.null())
    return folder / name


def content(folder):
    """Bytes of every file by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def drawn(family, model, folder, shards=1, guidance=(1.0,), conditions=TINTS, seed=3):
    """Sixteen pictures of each colour, and their table."""
    asked = {"steps": 1, "guidance": guidance, "per_condition": 16}
    for shard in range(shards):
        task = SamplingTask(
            conditions, asked, COMPUTE, seed, "teacher", folder / "state", folder / f"{shard}.parquet", shard, shards
        )  # fmt: skip
        sample(family, model, task, Step.null())
    parts = [folder / f"{shard}.parquet" for shard in range(shards)]
    tables = pd.concat([read_table(part) for part in parts], ignore_index=True)
    return np.concatenate([read_pictures(part) for part in parts]), tables
