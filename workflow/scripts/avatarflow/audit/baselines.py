"""What each rule says of foreign candidates: the cone in force, and every rule at one sensitivity."""

from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Floats, Mask, Rows
from avatarflow.privacy.baselines.neighbourhood import Candidates, Originals
from avatarflow.privacy.baselines.registry import CONE, RULES
from avatarflow.privacy.fingerprints.files import RowFile
from avatarflow.privacy.search.neighbours import blocks
from avatarflow.privacy.verifier.agreement import counted, kappa

from .candidates import share

LEVEL = "99.9%"
"""Share of calibration perturbations that each rule's threshold rejects, as written in `baselines.tsv`."""

BLOCK = 4096
CARRIED = ("sensitivity", "specificity")


def compare_on_candidates(
    candidates: RowFile | Rows, accepted: Mask, originals: Originals, baselines: pd.DataFrame
) -> pd.DataFrame:
    """Return one row per rule: what it accepts of the candidates, and how far it agrees with the cone in force.

    Parameters
    ----------
    candidates : (n, d)
        Fingerprints; rows that are not finite were not judged and count nowhere.
    accepted : (n,)
        The decisions in force.
    originals : Originals
    baselines : DataFrame
        As `core.tables.write_table` writes it: `rule`, `level`, `threshold` and the figures measured on
        test persons and held-out subjects.

    Returns
    -------
    DataFrame
        `rule`, `title`, `level`, `threshold`; `accepted` with `_low`, `_high` (exact, over candidates) and `_n`;
        `agreement` (share of candidates with the same decision) and `kappa` (Cohen's, NaN where either side has one
        decision for all) with the decisions in force, and `_with_cone`: with the cone at the same sensitivity, since
        the cone in force may be far stricter; `sensitivity` and `specificity` with their intervals.
    """
    names = [name for name in baselines.loc[baselines["level"] == LEVEL, "rule"] if name in RULES]
    judged, scored = scores(candidates, originals, names)
    at_level = baselines[baselines["level"] == LEVEL].set_index("rule")
    force, accepted_by = (
        accepted[judged],
        {name: scored[name] > at_level.loc[name, "threshold"] for name in names},
    )
    rows = []
    for name, accepts in accepted_by.items():
        measured = at_level.loc[name]
        one = share(accepts)
        row: dict[str, Any] = {"rule": name, "title": RULES[name].title, "level": LEVEL}
        row |= {"threshold": float(measured["threshold"]), "accepted": one["value"]}
        row |= {"accepted_low": one["low"], "accepted_high": one["high"], "accepted_n": one["n"]}
        for other, suffix in ((force, ""), (accepted_by.get(CONE, force), "_with_cone")):
            row[f"agreement{suffix}"] = float((accepts == other).mean()) if len(accepts) else np.nan
            row[f"kappa{suffix}"] = kappa(counted(accepts, other))
        row |= {
            f"{part}{end}": measured[f"{part}{end}"]
            for part in CARRIED
            for end in ("", "_low", "_high")
        }
        rows.append(row)
    return pd.DataFrame(rows)


def scores(
    candidates: RowFile | Rows, originals: Originals, names: list[str]
) -> tuple[Mask, dict[str, Floats]]:
    """Return which candidates have a fingerprint (n,), and the scores of those by every rule; in blocks."""
    judged = np.zeros(len(candidates), bool)
    parts: dict[str, list[Floats]] = {name: [] for name in names}
    for rows in blocks(len(candidates), BLOCK):
        some = np.asarray(candidates[rows])
        there = np.isfinite(some).all(1)
        judged[rows] = there
        if there.any():
            seen = Candidates.of(some[there], originals)
            for name in names:
                parts[name].append(np.asarray(RULES[name].score(seen, originals), np.float64))
    return judged, {
        name: np.concatenate(each) if each else np.zeros(0) for name, each in parts.items()
    }
