"""All results of a study as files: answers, figures in numbers, and the figure of recognition over guidance."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from avatarflow.core.paths import read_json, replacing, write_figure, write_json
from avatarflow.core.results import clean
from avatarflow.core.statistics import Estimate

from ..choose import SYNTHETIC
from .agreement import INTERVAL, NOMINAL, agreement
from .answers import REAL_GROUP, SAID, table_of, with_key
from .blinded import blinded_task
from .recognition import called_synthetic, learning, raw_rates, told_apart
from .similarity import correlation_with_risk, means_by_sort

ANSWERS, RESULTS, FIGURE = "answers.csv", "results.json", "recognition.png"
MACHINES = "machines"
REMARK = {
    "people": "Answers of people.",
    MACHINES: "Answers made by machines of known skill, none by people: a rehearsal, and no finding about pictures.",
}


def write_results(
    exported: pd.DataFrame,
    made_by: str,
    key: str | Path,
    power: str | Path,
    folder: str | Path,
    seed: int,
) -> dict[str, Any]:
    """Write what readers answered and what it says, and return the latter.

    Parameters
    ----------
    exported : DataFrame
        As from `Store.export`.
    made_by : {'people', 'machines'}
        Stands in every file.
    key, power : path
        Of the study.
    folder : path
        Gets the answers (CSV), the results (JSON) and, of part two, the figure.

    Raises
    ------
    AvatarflowError
        If nobody has answered.
    """
    answers = with_key(exported, key)
    results = {
        "made_by": made_by,
        "remark": REMARK[made_by],
        "readers": int(answers["reader"].nunique()),
        "answers": len(answers),
        "power_stated_before": read_json(power),
        **analysed(answers, seed),
    }
    target = Path(folder)
    with replacing(target / ANSWERS) as path:
        exported.to_csv(path, index=False)
    cleaned: dict[str, Any] = clean(_plain(results))
    write_json(target / RESULTS, cleaned, allow_nan=False)
    if "origin" in results:
        _draw(results["origin"]["called_synthetic"], REMARK[made_by], target / FIGURE)
    return cleaned


def analysed(answers: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Return the results of each part that was answered."""
    parts = {str(name): part for name, part in answers.groupby("part")}
    results: dict[str, Any] = {}
    if (clinical := parts.get("clinical")) is not None:
        results["clinical"] = blinded_task(clinical, seed)
    if (origin := parts.get("origin")) is not None:
        said = table_of(origin, origin[SAID] == SYNTHETIC)
        results["origin"] = {
            "called_synthetic": called_synthetic(origin),
            "called_synthetic_raw": raw_rates(origin, seed),
            "told_apart": told_apart(origin, seed),
            "learning_logit": learning(origin),
            "agreement_alpha": agreement(said, NOMINAL, seed),
        }
    if (similarity := parts.get("similarity")) is not None:
        said = table_of(similarity, similarity["similarity"])
        results["similarity"] = {
            "mean": means_by_sort(similarity, seed),
            "correlation_with_risk": correlation_with_risk(similarity, seed),
            "agreement_alpha": agreement(said, INTERVAL, seed),
        }
    return results


def _plain(value: Any) -> Any:
    if isinstance(value, Estimate):
        return value.as_dict()
    return (
        {key: _plain(part) for key, part in value.items()} if isinstance(value, Mapping) else value
    )


def _draw(rates: Mapping[str, Estimate], remark: str, path: Path) -> None:
    """Draw the share called synthetic over the guidance scale, with the real pictures as a band."""
    scales = {float(group.split()[1]): rate for group, rate in rates.items() if group != REAL_GROUP}
    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    x = np.array(sorted(scales))
    values = [scales[one] for one in x]
    # a rate of the model has an interval
    y, low, high = np.array([(rate.value, rate.low, rate.high) for rate in values], float).T
    axes.errorbar(x, y, [y - low, high - y], fmt="o-", capsize=4, label="synthetic pictures")
    if real := rates.get(REAL_GROUP):
        axes.axhspan(real.low or 0, real.high or 0, alpha=0.2, color="tab:orange")
        axes.axhline(real.value or 0, color="tab:orange", linestyle="--", label="real pictures")
    axes.set(ylim=(0, 1), xlabel="guidance scale", ylabel="share called synthetic")
    axes.legend()
    axes.set_title(remark, fontsize=8)
    write_figure(path, figure, 150)
    plt.close(figure)
