"""Canaries of a release in one table and one figure: found by the cone and the matcher, exposed by attacks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avatarflow.core.arrays import Integers
from avatarflow.core.paths import read_json, write_figure, write_json
from avatarflow.core.statistics import clopper_pearson
from avatarflow.core.tables import write_table
from avatarflow.imaging.shards import read_table
from avatarflow.intake.canaries import COPIES
from avatarflow.runs.context import Step

from .exposure import curve

TARGETS = ("teacher", "student", "release")
COLUMNS = ["target", "measure", COPIES, "value", "low", "high", "n", "chance"]
EXPOSURE = "exposure: "
RECALL = {"cone_recall": "own cone", "matcher_recall": "matcher"}


def join(
    canaries: str,
    parts: Sequence[str],
    kind: str,
    seed: int,
    outputs: Mapping[str, str],
    step: Step,
) -> None:
    """Join what the steps found, and count the canaries in the release.

    Parameters
    ----------
    canaries : str
        Shards of the canaries.
    parts : sequence of str
        JSON files of `model_step` and `picture_step`.
    kind : str
    outputs : mapping
        Files to write: `results` (JSON), `rows` (TSV), `figure` (PNG).
    """
    copies = read_table(canaries)[COPIES].to_numpy(np.int64)
    read = [read_json(part) for part in parts]
    targets = {
        target: summarise([part for part in read if part["target"] == target], copies, seed)
        for target in TARGETS
    }
    found: dict[str, Any] = {
        "kind": kind, "copies": {str(n): int((copies == n).sum()) for n in np.unique(copies)}, "targets": targets,
        "released": released(next(part for part in read if part["target"] == "release"), copies),
    }  # fmt: skip
    write_json(outputs["results"], found, allow_nan=False)
    table = as_table(targets)
    write_table(table, outputs["rows"])
    draw(table, outputs["figure"])
    step.artifact(outputs["figure"])
    step.metric("canaries.released", found["released"]["found"])
    step.info(
        "trained canaries found in the release: %d of %d",
        found["released"]["found"],
        found["released"]["n"],
    )


def summarise(parts: Sequence[Mapping[str, Any]], copies: Integers, seed: int) -> dict[str, Any]:
    """One target: recall of cone and matcher and exposure by each attack, over the number of copies."""
    looked = next(part for part in parts if "in_cone" in part)
    in_cone, matched = np.array(looked["in_cone"]), np.array(looked["matched"], bool)
    scores = {name: values for part in parts for name, values in part["scores"].items()}
    return {
        "pictures": looked["pictures"],
        "found_by_cone": int(((in_cone > 0) & (copies > 0)).sum()),
        "cone_recall": _shares(in_cone > 0, copies),
        "matcher_recall": _shares(matched, copies),
        "in_own_cone": {
            "pictures": int(in_cone.sum()),
            "accepted": int(np.sum(looked["in_cone_accepted"])),
        },
        "matched": {
            "canaries": int(matched.sum()),
            "accepted": int(np.sum(looked["matched_accepted"])),
        },
        "matcher": looked["matcher"],
        "exposure_bits": {
            name: curve(np.array(values), copies, seed) for name, values in sorted(scores.items())
        },
        "refused": " / ".join(part["refused"] for part in parts if part.get("refused")),
    }


def released(part: Mapping[str, Any], copies: Integers) -> dict[str, Any]:
    """Return how many trained canaries some released picture shows, by its own cone or by the matcher."""
    trained = copies > 0
    by_cone = np.array(part["in_cone_accepted"]) > 0
    by_matcher = np.array(part["matched_accepted"] or np.zeros(len(copies)), bool)
    return {
        "pictures": part["pictures"], "n": int(trained.sum()), "by_cone": int((by_cone & trained).sum()),
        "by_matcher": int((by_matcher & trained).sum()), "found": int(((by_cone | by_matcher) & trained).sum()),
        "untrained_by_matcher": int((by_matcher & ~trained).sum()),
    }  # fmt: skip


def as_table(targets: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row per target, measure and number of copies; `chance` is known for exposures only."""
    rows = []
    for target, found in targets.items():
        curves = {name: found[name] for name in ("cone_recall", "matcher_recall")}
        curves |= {f"exposure: {name}": points for name, points in found["exposure_bits"].items()}
        rows += [
            {"target": target, "measure": name, **point}
            for name, points in curves.items()
            for point in points
        ]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def _shares(hits: npt.NDArray[np.bool_], copies: Integers) -> list[dict[str, Any]]:
    """Share of the canaries of each number of copies, with the exact interval."""
    found = []
    for count in np.unique(copies):
        here = hits[copies == count]
        low, high = clopper_pearson(int(here.sum()), len(here))
        found.append(
            {
                "copies": int(count),
                "value": float(here.mean()),
                "low": low,
                "high": high,
                "n": len(here),
            }
        )
    return found


def draw(table: pd.DataFrame, path: str | Path) -> None:
    """Recall above and exposure below, one column per target; numbers of copies stand at equal distances.

    Parameters
    ----------
    table : DataFrame
        As `summary.as_table`.
    path : path
        The PNG.
    """
    targets = list(dict.fromkeys(table["target"]))
    figure = Figure(figsize=(4.8 * len(targets), 7.0), layout="constrained")
    axes = figure.subplots(2, len(targets), squeeze=False, sharey="row")
    for place, target in enumerate(targets):
        here = table[table["target"] == target]
        axes[0, place].set_title(target)
        for measure, label in RECALL.items():
            _curve(axes[0, place], here[here["measure"] == measure], label)
        for measure in sorted(set(here["measure"]) - set(RECALL)):
            _curve(
                axes[1, place],
                here[here["measure"] == measure],
                measure.removeprefix(EXPOSURE).replace("_", " "),
            )
        chance = here.dropna(subset="chance").drop_duplicates("copies")
        axes[1, place].plot(range(len(chance)), chance["chance"], "k:", label="chance")
        for one in axes[:, place]:
            one.set_xticks(range(here["copies"].nunique()), sorted(here["copies"].unique()))
            one.set_xlabel("copies in the teacher's training set (0: never trained on)")
            one.legend(fontsize=7, frameon=False)
    axes[0, 0].set(ylabel="share of canaries found", ylim=(-0.05, 1.05))
    axes[1, 0].set_ylabel("exposure in bits")
    write_figure(path, figure, dpi=110)


def _curve(axes: Axes, points: pd.DataFrame, label: str) -> None:
    ordered = points.sort_values("copies")
    reach = [ordered["value"] - ordered["low"], ordered["high"] - ordered["value"]]
    axes.errorbar(
        range(len(ordered)),
        ordered["value"],
        yerr=reach,
        marker="o",
        markersize=4,
        capsize=3,
        label=label,
    )
