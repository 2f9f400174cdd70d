"""What each generator learns from: augmented originals (teacher), accepted synthetic pictures (student)."""

from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import refuse
from avatarflow.core.paths import replacing_folder
from avatarflow.imaging.shards import read_pictures, read_table, write_shards
from avatarflow.imaging.transforms import augment
from avatarflow.intake.canaries import planted
from avatarflow.runs.context import Step


def training_set(
    pool: str, settings: dict[str, Any], seed: int, pictures: str, step: Step, canaries: str | None = None
) -> None:
    """Write the teacher's training set: the pool without its held-out subjects, augmented.

    Parameters
    ----------
    pool : str
        Shards of the pool.
    settings : dict
        `augment` of the config: `chain`, `copies`, `mirror`.
    pictures : str
        Folder of shards to write; columns as in the pool, with the labels as augmentation left them.
    canaries : str, optional
        Shards of canaries to put among the originals, each as often as it says.
    """
    table = read_table(pool)
    training = (table["role"] != "heldout").to_numpy()
    originals, labels = read_pictures(pool)[training], table[training].reset_index(drop=True)
    if canaries is not None:
        more, of_more = planted(read_pictures(canaries), read_table(canaries))
        originals = np.concatenate([originals, more])
        labels = pd.concat([labels, of_more.assign(role="canary", unit="canary", eye=-1)], ignore_index=True)
        step.info("%d copies of canaries are put into training", len(more))
    augmented, rows = augment(
        originals,
        labels,
        chain=settings["chain"],
        copies=settings["copies"],
        mirror=settings["mirror"],
        seed=seed,
        fill=settings["fill"],
    )
    step.info("%d training pictures from %d originals", len(rows), len(labels))
    with replacing_folder(pictures) as folder:
        write_shards(folder, augmented, rows)


def accepted_pictures(samples: str, decisions: str) -> tuple[Pictures, pd.DataFrame]:
    """Return the candidates of a stage that the cone let pass, and their rows.

    Raises
    ------
    AvatarflowError
        If decisions and candidates do not name the same pictures in the same order, or none was accepted.
    """
    table = read_table(samples)
    judged = pd.read_parquet(decisions)
    if list(judged["candidate"]) != list(table["candidate"]):
        raise refuse("decisions", "they do not belong to these candidates", "judge the candidates again")
    kept = judged["accepted"].to_numpy(bool)
    if not kept.any():
        raise refuse("decisions", "no candidate was accepted", "see privacy/ for the risks; nothing can be trained on")
    rows = table[kept].reset_index(drop=True)
    rows["risk"] = judged.loc[kept, "risk"].to_numpy()
    rows["matched_original"] = judged.loc[kept, "matched_original"].to_numpy()
    return read_pictures(samples)[kept], rows
