"""The cone beside the published rules, at equal sensitivity and from the same fingerprints.

A filter that rejects everything also rejects every copy, so each rule gets the threshold at which it rejects a given
share of the calibration persons' altered originals. Compared is what it then does to test persons and held-out
subjects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from avatarflow.core.arrays import Floats, Integers
from avatarflow.core.statistics import bootstrap, share_of_pictures
from avatarflow.privacy.fingerprints.files import StoredRows
from avatarflow.privacy.search.neighbours import blocks

from .neighbourhood import Candidates, Originals
from .registry import CONE, RULES

LEVELS = (0.99, 0.995, 0.999, 1.0)
PUBLISHED = "published"
BLOCK = 32_768  # pictures scored at a time


@dataclass(frozen=True)
class People:
    """Pictures with whose they are: altered originals of a role, or held-out subjects' real pictures."""

    fingerprints: StoredRows
    persons: Integers


def compare(
    originals: Originals,
    calibration: People,
    test: People,
    held_out: People,
    seed: int,
    names: Sequence[str] = (),
) -> pd.DataFrame:
    """Sensitivity on test persons and specificity on held-out subjects of every rule at every level.

    Parameters
    ----------
    originals : Originals
    calibration : People
        Altered originals that set the thresholds.
    test : People
        Altered originals of other persons.
    held_out : People
        Real pictures of persons never trained on; may be none.
    names : of `RULES`
        Rules to compare; all by default.

    Returns
    -------
    DataFrame
        One row per rule and level (and one at the threshold its paper sets): `rule`, `level`, `threshold`,
        `sensitivity`, `specificity` and `ahead` (how much more of the held-out subjects the cone accepts at the same
        level), each with `_low` and `_high` over persons, and the numbers behind them.
    """
    scored = {
        name: scores(name, originals, (calibration, test, held_out)) for name in names or RULES
    }
    thresholds = [
        (name, f"{level:.1%}", at_level(each[0], level))
        for name, each in scored.items()
        for level in LEVELS
    ]
    thresholds += [
        (name, PUBLISHED, rule(originals)) for name in scored if (rule := RULES[name].published)
    ]
    cone = {level: threshold for name, level, threshold in thresholds if name == CONE}
    rows = []
    for name, level, threshold in thresholds:
        _, altered, real = scored[name]
        row = {"rule": name, "level": level, "threshold": threshold}
        row |= _figure("sensitivity", altered <= threshold, test.persons, seed)
        row |= _figure("specificity", real > threshold, held_out.persons, seed)
        if level in cone and len(held_out.persons):
            gain = (scored[CONE][2] > cone[level]).astype(float) - (real > threshold)
            row |= _ahead(gain, held_out.persons, seed)
        rows.append(row)
    return pd.DataFrame(rows)


def scores(name: str, originals: Originals, groups: Sequence[People]) -> list[Floats]:
    """Return the scores of one rule, group by group, in blocks; none for an empty group."""
    return [
        np.concatenate(
            [
                np.zeros(0),
                *(
                    RULES[name].score(Candidates.of(group.fingerprints[rows], originals), originals)
                    for rows in blocks(len(group.fingerprints), BLOCK)
                ),
            ]
        )
        for group in groups
    ]


def at_level(scored: Floats, level: float) -> float:
    """Return the smallest threshold at or under which at least the share `level` of the scores lie."""
    return float(np.sort(scored)[int(np.ceil(level * len(scored) - 1e-9)) - 1])


def winner(table: pd.DataFrame, level: str) -> tuple[str, bool]:
    """Return the rule that accepts most held-out subjects at a level, and whether the cone is surely behind it."""
    rows = table[(table["level"] == level) & table["specificity"].notna()]
    best = rows.iloc[int(rows["specificity"].to_numpy().argmax())]
    return str(best["rule"]), bool(best["ahead_high"] < 0)


def _figure(
    name: str, events: npt.NDArray[np.bool_], persons: Integers, seed: int
) -> dict[str, Any]:
    share = share_of_pictures(events, persons, seed)
    values = (share.value, share.low, share.high, share.n, share.persons)
    return dict(
        zip(
            (name, f"{name}_low", f"{name}_high", f"{name}_n", f"{name}_persons"),
            values,
            strict=True,
        )
    )


def _ahead(gain: Floats, persons: Integers, seed: int) -> dict[str, float]:
    """Mean gain of a picture, with a paired bootstrap over persons."""
    _, inverse = np.unique(persons, return_inverse=True)
    total, sizes = np.bincount(inverse, weights=gain), np.bincount(inverse).astype(float)
    low, high = bootstrap(
        lambda rows: float(total[rows].sum() / sizes[rows].sum()), len(sizes), seed
    )
    return {"ahead": float(gain.mean()), "ahead_low": low, "ahead_high": high}


def summary(table: pd.DataFrame) -> Mapping[str, Any]:
    """Return who accepts most held-out subjects at each level, as plain values; empty without held-out subjects."""
    levels = [f"{level:.1%}" for level in LEVELS]
    if table["specificity"].isna().all():
        return {}
    return {
        level: dict(zip(("rule", "beyond_interval"), winner(table, level), strict=True))
        for level in levels
    }
