"""The step that makes near-duplicates: the pool's test persons and the teacher, no faiss."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Pictures
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.diffusion.denoiser import Denoiser
from avatarflow.generators.interface import open_denoiser
from avatarflow.imaging.shards import read_table, write_shards
from avatarflow.imaging.spool import spooled
from avatarflow.runs.context import Step

from .registry import GENERATIVE
from .subjects import WHERE, Subjects, subjects_of


def make_near_duplicates(
    pool: str, model: str, settings: Mapping[str, Any], seed: int, pictures: str, step: Step
) -> None:
    """Make every family at every strength and write all of it as one shard set.

    Parameters
    ----------
    pool : str
        Shards of the pool.
    model : str
        `model_index.json` of the generator.
    settings : mapping
        `near_duplicates`, `conditions`, `generator` and `compute` of the config.
    pictures : str
        The folder to write. Columns: `candidate` (a running number), `family`, `strength`, `person`, `original` and
        `second` (1-based manifest rows; the second is 0 where nothing was blended in).

    Raises
    ------
    AvatarflowError
        If the generator is of a family that nothing here can noise and denoise, or test persons are too few.
    """
    asked, conditions = settings["near_duplicates"], Conditions(settings["conditions"])
    family = settings["generator"]["family"]
    generator = open_denoiser(family, Path(model).parent, conditions, settings["compute"], WHERE)
    table = read_table(pool)
    subjects = subjects_of(table, spooled(pool), conditions, asked["persons"], seed)
    made, rows = list[Pictures](), list[pd.DataFrame]()
    plan = list(planned(asked["strengths"]))
    for number, (family, strength) in enumerate(plan):
        made.append(near_duplicates(generator, subjects, family, strength, seed))
        rows.append(described(subjects, table, family, strength))
        step.progress(number + 1, len(plan), "families and strengths")
    joined = pd.concat(rows, ignore_index=True)
    joined.insert(0, "candidate", [f"near-{number:06d}" for number in range(len(joined))])
    write_shards(pictures, np.concatenate(made), joined)


def planned(strengths: list[float]) -> Iterator[tuple[str, float]]:
    """Families with their strengths; one without strengths is made once."""
    for name, family in GENERATIVE.items():
        yield from ((name, float(strength)) for strength in (strengths if family.graded else [0.0]))


def near_duplicates(
    generator: Denoiser, subjects: Subjects, family: str, strength: float, seed: int
) -> Pictures:
    """Return one family at one strength, in batches of `compute.micro_batch`."""
    size = generator.compute.micro_batch
    parts = [subjects.part(slice(at, at + size)) for at in range(0, len(subjects), size)]
    return np.concatenate(
        [GENERATIVE[family].make(generator, part, strength, seed) for part in parts]
    )


def described(
    subjects: Subjects, table: pd.DataFrame, family: str, strength: float
) -> pd.DataFrame:
    """Return whose near-duplicates these are."""
    rows = table["row"].to_numpy()
    second = rows[subjects.other_rows] if family == "blend" else np.zeros(len(subjects), np.int64)
    return pd.DataFrame(
        {"family": family, "strength": strength, "person": subjects.persons, "original": rows[subjects.rows],
         "second": second}
    )  # fmt: skip
