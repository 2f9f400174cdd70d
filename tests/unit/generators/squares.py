"""Squares of two colours, from which tests of several families train tiny generators and draw again."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from killed import killed

from avatarflow.generators import steps
from avatarflow.generators.conditions import NULL, Conditions
from avatarflow.generators.interface import sample, train
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.imaging.shards import read_pictures, read_table, write_shards
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


def drawn_elsewhere(module, model, folder, root):
    """What `drawn` of a test module draws in a process of its own."""
    code = f"""
import sys
sys.path += sys.argv[1:3]
from pathlib import Path
import numpy as np
from {module} import drawn
np.save(sys.argv[4], drawn(Path(sys.argv[3]), Path(sys.argv[4]).parent)[0])
"""
    folder.mkdir()
    saved = folder / "pictures.npy"
    paths = [str(root / "workflow" / "scripts"), str(Path(__file__).parent)]
    subprocess.run([sys.executable, "-c", code, *paths, str(model), str(saved)], check=True)
    return np.load(saved)


def shows_the_asked_colour(pictures, table):
    """Check that each picture has the asked colour, and that pictures of one differ."""
    red, blue = ((table["tint"] == tint).to_numpy() for tint in ("red", "blue"))
    colours = pictures.astype(float).mean((1, 2))
    assert (colours[red, 0] > 2 * colours[red, 2]).mean() > 0.9
    assert (colours[blue, 2] > 2 * colours[blue, 0]).mean() > 0.9
    assert pictures[red].astype(float).std(0).max() > 20


def resumes_byte_for_byte(module, fit, folder, root):
    """Kill the training `fit` of a test module, go on, and compare with an undisturbed one."""
    assert killed(module, "fit", folder / "killed", root) == -signal.SIGKILL
    assert not (folder / "killed" / "model").exists()
    messages = []
    step = Step.null()
    step.info = lambda text, *values: messages.append(text % values)
    resumed = content(fit(folder / "killed", step))
    assert "network resumed at step 6" in messages
    assert resumed == content(fit(folder / "undisturbed"))
    assert {Path(name).suffix for name in resumed} == {".json", ".safetensors"}
    assert not any(str(folder).encode() in data for data in resumed.values())


def keeps_weights_and_rows_of_labels(before, after):
    """Check the weights of a base and of what began from it with the labels blue, red and green."""
    rows = before.pop("class_embedding.weight"), after.pop("class_embedding.weight")
    assert all(torch.equal(before[key], after[key]) for key in before)
    for class_id, row in ((0, 1), (1, 0), (2, NULL)):
        torch.testing.assert_close(rows[1][class_id], rows[0][row], rtol=0, atol=0)


def finetuned(generator, folder, processes, count):
    """Fine-tune on squares as the workflow does, in so many processes and steps; return the generator's folder."""
    shards = folder / "training"
    if not shards.is_dir():
        shards.mkdir()
        write_shards(shards, *squares())
    out = folder / f"{processes} {count}"
    training = {"steps": count, "batch": 4, "learning_rate": 1e-3, "warmup_steps": 1}
    settings = {
        "conditions": TINTS.columns, "generator": generator, "tuning": {}, "network": NETWORK,
        "training": training, "seed": 5, "hub": None, "network_access": False,
        "compute": {**COMPUTE, "processes": processes},
    }  # fmt: skip
    index = str(out / "model" / "model_index.json")
    steps.finetune(str(shards), settings, index, str(out / "state"), None, Step.null())
    return out / "model"
