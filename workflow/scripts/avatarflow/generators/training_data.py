"""What each generator learns from: augmented originals (teacher), accepted synthetic pictures (student)."""

import itertools
from collections.abc import Iterable
from typing import Any

import pandas as pd

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import refuse
from avatarflow.core.paths import replacing_folder
from avatarflow.imaging.shards import ShardWriter, iterate, read_pictures, read_table
from avatarflow.imaging.spool import Spool, spooled
from avatarflow.imaging.transforms import augment, check_mirror
from avatarflow.intake.canaries import planted
from avatarflow.runs.context import Step


def training_set(
    pool: str,
    settings: dict[str, Any],
    seed: int,
    pictures: str,
    step: Step,
    canaries: str | None = None,
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
    labels = table[training].reset_index(drop=True)
    parts: list[Iterable[Pictures]] = [iterate(pool, wanted=training)]
    if canaries is not None:
        more, of_more = planted(read_pictures(canaries), read_table(canaries))
        parts.append([more])
        labels = pd.concat(
            [labels, of_more.assign(role="canary", unit="canary", eye=-1)], ignore_index=True
        )
        step.info("%d copies of canaries are put into training", len(more))
    check_mirror(settings["mirror"], labels)
    done = 0
    with replacing_folder(pictures) as folder:
        writer, rows = ShardWriter(folder), labels
        for block in itertools.chain.from_iterable(parts):
            augmented, rows = augment(
                block,
                labels.iloc[done : done + len(block)].reset_index(drop=True),
                chain=settings["chain"],
                copies=settings["copies"],
                mirror=settings["mirror"],
                seed=seed,
                fill=settings["fill"],
            )
            writer.append(augmented, rows)
            done += len(block)
            step.progress(done, len(labels), "originals augmented")
        writer.close(rows)
    step.info("%d training pictures from %d originals", done * settings["copies"], len(labels))


def accepted_pictures(samples: str, decisions: str) -> tuple[Spool, pd.DataFrame]:
    """Return the candidates of a stage that the cone let pass, on disk, and their rows.

    Raises
    ------
    AvatarflowError
        If decisions and candidates do not name the same pictures in the same order, or none was accepted.
    """
    table = read_table(samples)
    judged = pd.read_parquet(decisions)
    if list(judged["candidate"]) != list(table["candidate"]):
        raise refuse(
            "decisions", "they do not belong to these candidates", "judge the candidates again"
        )
    kept = judged["accepted"].to_numpy(bool)
    if not kept.any():
        raise refuse(
            "decisions",
            "no candidate was accepted",
            "see privacy/ for the risks; nothing can be trained on",
        )
    rows = table[kept].reset_index(drop=True)
    rows["risk"] = judged.loc[kept, "risk"].to_numpy()
    rows["matched_original"] = judged.loc[kept, "matched_original"].to_numpy()
    return spooled(samples, kept), rows
