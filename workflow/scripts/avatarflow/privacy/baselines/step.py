"""The step that compares the rules: the cones of an entry beside the published rules, as a table and a figure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avatarflow.core.arrays import Rows
from avatarflow.core.paths import write_figure
from avatarflow.core.tables import write_table
from avatarflow.imaging.shards import read_table
from avatarflow.privacy.cones.calibration import HELDOUT
from avatarflow.privacy.cones.cone import Cones, uncalibrated
from avatarflow.privacy.fingerprints.files import FlatRows, RowFile, load_rows
from avatarflow.runs.context import Step

from .compare import LEVELS, PUBLISHED, People, compare, summary
from .neighbourhood import Originals
from .registry import RULES

SHADES = ("#b5d8e3", "#5aa5bd", "#1f6f8b", "#0b2e3a", "#d9a441")
COLOURS = dict(zip([*(f"{level:.1%}" for level in LEVELS), PUBLISHED], SHADES, strict=True))
NAMES = {
    "specificity": "held-out subjects' real pictures accepted",
    "sensitivity": "altered originals of test persons rejected",
}


def compare_entry(
    inputs: Mapping[str, str], seed: int, baselines: str, figure: str, step: Step
) -> None:
    """Measure every rule on the persons of an entry, each alone: the verifier helps none of them, the cone neither.

    Parameters
    ----------
    inputs : mapping
        `pool` (shards), `cones`, `originals` (n, d) with rows as in the pool, `own` (gallery, a, d), `calibration` and
        `test` (pictures of that role, a, d), and the canaries' files where the cones have some.
    baselines, figure : str
        Files to write: TSV and PNG.
    """
    people, _ = people_of(inputs)
    compared = compare(
        people["originals"], people["calibration"], people["test"], people["held_out"], seed
    )
    write_table(compared, baselines)
    draw_baselines(compared, figure)
    for level, best in summary(compared).items():
        step.info("most held-out subjects accepted at %s: %s", level, best["rule"])
    cone = compared[compared["rule"] == "cone"].set_index("level")
    for level in cone.index[
        cone["specificity"].notna()
    ]:  # unknown where there are no held-out subjects
        step.metric(f"cone_specificity_{level}", float(cone.loc[level, "specificity"]))


def people_of(inputs: Mapping[str, str]) -> tuple[dict[str, Any], pd.DataFrame]:
    """Originals and the three groups of people from an entry's files, and the pool's table."""
    table = read_table(inputs["pool"])
    cones = Cones.read(inputs["cones"])
    own: Rows | RowFile = RowFile(inputs["own"], cones.encoder, ndim=3)
    if canaries := inputs.get("canaries_own"):
        own = np.concatenate([own[:], load_rows(canaries, cones.encoder)])
    cones = uncalibrated(
        cones.fingerprints, cones.owners, cones.rows, own, cones.shape, cones.encoder
    )
    rows = np.asarray(load_rows(inputs["originals"], cones.encoder))
    held_out = (table["role"] == HELDOUT).to_numpy()
    groups = {
        "originals": Originals.of(cones, cones.owners),
        "held_out": People(rows[held_out], table.loc[held_out, "person"].to_numpy()),
    }
    altered = {
        role: RowFile(inputs[role], cones.encoder, ndim=3) for role in ("calibration", "test")
    }
    known = altered["calibration"].shape[
        1
    ]  # families left out stand behind the others, in `test` alone
    for role, perturbed in altered.items():
        people = table.loc[table["role"] == role, "person"].to_numpy()
        groups[role] = People(FlatRows(perturbed, known), np.repeat(people, known))
    return groups, table


def draw_baselines(table: pd.DataFrame, path: str | Path) -> None:
    """Two panels, a row per rule, a colour per level; bars are 95 % intervals over persons."""
    figure = Figure(figsize=(9.5, 4.4), layout="constrained")
    for axes, (measure, label) in zip(
        figure.subplots(1, 2, sharey=True), NAMES.items(), strict=True
    ):
        _panel(axes, table, measure, label)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(
            handles, labels, fontsize="small", frameon=False, loc="outside lower center", ncols=3
        )
    write_figure(path, figure, dpi=150)


def _panel(axes: Axes, table: pd.DataFrame, measure: str, label: str) -> None:
    rules = [name for name in RULES if (table["rule"] == name).any()]
    for place, (level, colour) in enumerate(COLOURS.items()):
        rows = table[(table["level"] == level) & table[measure].notna()]
        if len(rows):
            y = np.array([rules.index(rule) for rule in rows["rule"]]) + 0.16 * (place - 2)
            values = rows[measure].to_numpy()
            reach = np.abs(
                np.stack([values - rows[f"{measure}_low"], rows[f"{measure}_high"] - values])
            )
            name = (
                "at its paper's threshold"
                if level == PUBLISHED
                else f"at {level} on calibration persons"
            )
            axes.errorbar(
                values, y, xerr=reach, fmt="o", color=colour, markersize=4, capsize=2, label=name
            )
    axes.set_yticks(range(len(rules)), [RULES[rule].title for rule in rules])
    axes.set(xlabel=label, ylim=(len(rules) - 0.5, -0.5))
    if measure == "specificity":
        axes.set_xlim(-0.02, 1.02)
    axes.grid(axis="x", alpha=0.3)
