"""Answers beside the key: one row per answer, with what the picture is."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core import seeds
from avatarflow.core.arrays import Floats
from avatarflow.core.errors import refuse
from avatarflow.core.statistics import Estimate

REAL_GROUP = "real"
SAID = "said_origin"
"""What a reader said; `origin` is what the key says."""
DRAWS = 2000


def with_key(answers: pd.DataFrame, key: str | Path) -> pd.DataFrame:
    """Return the answers with the key's columns and `group`: `real`, or `guidance 2.0`.

    Raises
    ------
    AvatarflowError
        If a question is not in the key, or nobody has answered.
    """
    if not len(answers):
        raise refuse("reader study", "there are no answers yet", "let readers take part first")
    said = answers.rename(columns={"origin": SAID})
    joined = said.merge(
        pd.read_parquet(key), on=["part", "question"], how="left", validate="many_to_one"
    )
    if joined["origin"].isna().any():
        found = "answers to pictures that the key does not name"
        raise refuse("reader study", found, "use the key of their study")
    scales = "guidance " + joined["guidance"].astype(str)
    return joined.assign(group=np.where(joined["origin"] == REAL_GROUP, REAL_GROUP, scales))


def table_of(answers: pd.DataFrame, values: "pd.Series[Any]") -> Floats:
    """Return values as a table (readers, pictures), NaN where a reader has not answered."""
    readers, rows = np.unique(answers["reader"], return_inverse=True)
    questions, columns = np.unique(answers["question"], return_inverse=True)
    table = np.full((len(readers), len(questions)), np.nan)
    table[rows, columns] = values.astype(float)
    return table


def two_way_mean(table: Floats, seed: int, purpose: str) -> Estimate:
    """Return the mean of a table (readers, pictures) with an interval over both.

    Readers and pictures are drawn again, each with replacement and independently (the pigeonhole bootstrap, which is
    cautious). `n` counts answers.

    References
    ----------
    Owen 2007, Annals of Applied Statistics 1:386.
    """
    known = np.isfinite(table)
    if not known.any():
        return Estimate.missing()
    draws = two_way_draws(table.shape, seed, purpose)
    spread = np.array([weighted_mean(table, *weights) for weights in draws])
    return Estimate.bootstrapped(float(table[known].mean()), spread, int(known.sum()))


def two_way_draws(shape: tuple[int, ...], seed: int, purpose: str) -> list[tuple[Floats, Floats]]:
    """Return how often each reader and each picture is drawn, for each bootstrap sample."""
    random = seeds.generator(seed, f"reader study {purpose}")
    counts = [
        random.multinomial(size, np.full(size, 1 / size), DRAWS).astype(float) for size in shape[:2]
    ]
    return list(zip(counts[0], counts[1], strict=True))


def weighted_mean(table: Floats, readers: Floats, pictures: Floats) -> float:
    """Return the mean of the known cells, each counted as often as its reader and its picture were drawn."""
    known = np.isfinite(table)
    total = float(readers @ known @ pictures)
    return float(readers @ np.where(known, table, 0) @ pictures) / total if total else float("nan")


def by_group(answers: pd.DataFrame, values: "pd.Series[Any]", seed: int) -> dict[str, Estimate]:
    """Return the mean of a value, one per answer, for each group."""
    return {
        str(group): two_way_mean(table_of(part, values[part.index]), seed, str(group))
        for group, part in answers.groupby("group")
    }
