"""How human a sample still is after removal, at host shares other than the simulated one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .score import CELL, write_figures

OTHER = {"low": "high", "high": "low"}  # the more is removed, the less is left


def residual_share(host_share: float, sensitivity: float, specificity: float) -> float:
    """Share of human fragments among those left; NaN when nothing is left."""
    human, microbe = host_share * (1 - sensitivity), (1 - host_share) * specificity
    return human / (human + microbe) if human + microbe else float("nan")


def of_clusters(row: Mapping[Any, Any], share: float, end: str) -> float:
    """One end of the share from the intervals over donors and genomes; NaN where one of these is missing."""
    sensitivity, specificity = (
        row[f"{name}_cluster_{OTHER[end]}"] for name in ("sensitivity", "specificity")
    )
    return residual_share(share, sensitivity, specificity)


def residuals(scores: pd.DataFrame, host_shares: Sequence[float]) -> pd.DataFrame:
    """One row per `all` row of the scores and host share.

    Columns beside those that name the cell: `host_share`, `residual_share` with `_low` and `_high` (from the ends of
    both intervals, so wider than 95 %), the same `_cluster_` from the intervals over donors and genomes,
    `human_left_per_million`: human fragments left of a million sequenced.
    """
    rows = []
    for row in scores[(scores["stratum"] == "all") & (scores["status"] == "ok")].to_dict("records"):
        for share in host_shares:
            rows.append(
                {
                    **{key: row[key] for key in CELL},
                    "host_share": share,
                    "residual_share": residual_share(share, row["sensitivity"], row["specificity"]),
                    "residual_share_low": residual_share(
                        share, row["sensitivity_high"], row["specificity_high"]
                    ),
                    "residual_share_high": residual_share(
                        share, row["sensitivity_low"], row["specificity_low"]
                    ),
                    **{
                        f"residual_share_cluster_{end}": of_clusters(row, share, end)
                        for end in OTHER
                    },
                    "human_left_per_million": 1e6 * share * (1 - row["sensitivity"]),
                }
            )
    names = ["residual_share", "residual_share_low", "residual_share_high", "residual_share_cluster_low",
             "residual_share_cluster_high", "human_left_per_million"]  # fmt: skip
    return pd.DataFrame(rows, columns=[*CELL, "host_share", *names])


def write_residuals(scores: str | Path, host_shares: Sequence[float], output: str | Path) -> None:
    """Write `residuals` of a score table."""
    write_figures(residuals(pd.read_csv(scores, sep="\t"), host_shares), output)
