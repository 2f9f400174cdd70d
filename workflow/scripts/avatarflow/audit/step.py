"""The step that weighs foreign candidates: decisions in figures, baselines, cameras, risks as a picture. faiss side."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from safetensors.numpy import load_file

from avatarflow.core.arrays import Floats
from avatarflow.core.paths import write_figure, write_json
from avatarflow.core.results import clean
from avatarflow.core.tables import write_table
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.intake.patients.persons import HELDOUT
from avatarflow.privacy.baselines.neighbourhood import Originals
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.fingerprints.files import RowFile, load_rows
from avatarflow.privacy.held_out_families import kept_families
from avatarflow.runs.context import Step

from .baselines import LEVEL, compare_on_candidates
from .cameras import by_camera
from .candidates import by_label, outcomes, whom
from .non_members import non_members_met
from .pattern import pattern

GROUPS = {
    "candidates": ("candidates", "#0072b2", "solid"),
    "altered": ("altered originals of test persons", "#d55e00", "dashdot"),
    "held_out": ("held-out subjects' real pictures", "#8a6100", (0, (2, 1))),
}
# risks 0.05 to 5, with an edge at 1, where acceptance begins
EDGES = 10 ** (np.arange(-39, 22) / 30)


def weigh_candidates(
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    seed: int,
    weighed: str,
    baselines: str,
    figure: str,
    step: Step,
) -> None:
    """Write what the cone and its baselines say of the candidates of an audit.

    Parameters
    ----------
    inputs : mapping
        `pool` and `candidates` (shards), `cones`, `originals` (n, d) with rows as in the pool, `risks` (of altered
        originals of test persons and of held-out subjects), `fingerprints` and `decisions` (of the candidates),
        `baselines` (the table of the originals), and where a verifier was asked `verifier` (what it says of the
        candidates).
    settings : mapping
        `cone`, `conditions` and `cameras` of the config.
    weighed, baselines, figure : str
        Files to write: JSON, TSV, PNG.
    """
    pool, cones = read_table(inputs["pool"]), Cones.read(inputs["cones"])
    decisions, labels = pd.read_parquet(inputs["decisions"]), read_table(inputs["candidates"])
    rows = np.asarray(load_rows(inputs["originals"], cones.encoder))
    foreign = RowFile(inputs["fingerprints"], cones.encoder)
    accepted = decisions["accepted"].to_numpy(bool)
    heldout = (pool["role"] == HELDOUT).to_numpy()
    gallery = Originals.of(cones, pool.loc[~heldout, "person"].to_numpy())
    measured = pd.read_csv(inputs["baselines"], sep="\t")
    table = compare_on_candidates(foreign, accepted, gallery, measured)
    write_table(table, baselines)
    risk = _risks(inputs["risks"], settings["cone"], decisions)
    draw_risks(risk, figure)
    within = float(table.loc[table["rule"] == "distance", "threshold"].iloc[0])
    columns = [column for column in settings["conditions"] if column in labels.columns]
    found = {
        **outcomes(decisions),
        **whom(decisions, pool),
        "pattern": pattern(
            decisions,
            pd.read_parquet(inputs["verifier"]) if inputs.get("verifier") else None,
            pool,
            partial(read_pictures, inputs["pool"]),
            partial(read_pictures, inputs["candidates"]),
        ),
        "rules": table.astype(object).where(table.notna(), None).to_dict("records"),
        "level": LEVEL,
        "non_members_met": non_members_met(
            foreign, rows[heldout], pool.loc[heldout, "person"].to_numpy(), within
        ),
        "labels": by_label(decisions, labels[columns]),
        "cameras": by_camera(pool, settings, risk, decisions, labels, seed),
    }
    for name in ("accepted", "risky", "refused"):
        step.metric(f"{name}_share", found[name]["value"])
    step.info(
        "%d risky, %d refused, %d accepted",
        *(found[name]["count"] for name in ("risky", "refused", "accepted")),
    )
    write_json(weighed, clean(found), allow_nan=False)


def _risks(path: str, cone: Mapping[str, Any], decisions: pd.DataFrame) -> dict[str, Floats]:
    """Return risks of candidates, of test persons' perturbations by calibrated families, and of held-out subjects."""
    judged, known = load_file(path), cone["draws"] * len(kept_families(cone))
    return {
        "candidates": decisions["risk"].to_numpy(np.float64),
        "altered": judged["test"][:, :known].ravel(),
        "held_out": judged["heldout"],
    }


def draw_risks(risks: Mapping[str, Floats], path: str | Path) -> None:
    """One curve per group: the share of its pictures per step of risk; the dashed line is where acceptance begins.

    Parameters
    ----------
    risks : mapping
        Name in `GROUPS` to risks, those that are not finite left out; an empty group is not drawn.
    """
    figure = Figure(figsize=(8.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for name, (label, colour, line) in GROUPS.items():
        values = np.asarray(risks.get(name, ()), np.float64)
        values = values[np.isfinite(values)]
        if len(values):
            counts, _ = np.histogram(np.clip(values, EDGES[0], EDGES[-1]), EDGES)
            axes.stairs(
                counts / len(values),
                EDGES,
                color=colour,
                linestyle=line,
                label=f"{label} (n = {len(values)})",
                linewidth=1.6,
            )
    axes.axvline(
        1,
        color="black",
        linewidth=1,
        linestyle="dashed",
        label="accepted to the right of this line",
    )
    axes.set(xscale="log", xlim=(EDGES[0], EDGES[-1]), xlabel="risk: angle over half-angle of the nearest cone",
             ylabel="share of pictures")  # fmt: skip
    axes.set_xticks([0.1, 0.2, 0.5, 1, 2, 5], ["0.1", "0.2", "0.5", "1", "2", "5"])
    axes.minorticks_off()
    axes.legend(fontsize="small", frameon=False, loc="upper left")
    write_figure(path, figure, dpi=130)
