"""The step that judges near-duplicates, as a table and a figure: cones and matcher, no torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avatarflow.core.arrays import Mask, Rows
from avatarflow.core.paths import read_json, write_figure
from avatarflow.core.statistics import share_of_pictures
from avatarflow.core.tables import write_table
from avatarflow.imaging.shards import read_table
from avatarflow.imaging.spool import Stored, choose, spooled
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.fingerprints.files import encoder_digest, load_rows
from avatarflow.privacy.verifier import Matcher, matcher
from avatarflow.privacy.verifier.verify import Verifier
from avatarflow.runs.context import Step

LINES = {
    "rejected_confirmed": ("rejected by the cones, of the confirmed", "#0b2e3a", "o-"),
    "rejected": ("rejected by the cones, of all", "#5aa5bd", "s--"),
    "refused_together": ("refused by cones or verifier, of all", "#d9a441", "^:"),
}


def judge_near_duplicates(
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    seed: int,
    results: str,
    figure: str,
    step: Step,
) -> None:
    """Measure how many near-duplicates are rejected, of all and of those that the matcher confirms.

    Parameters
    ----------
    inputs : mapping
        `pictures` (shards of near-duplicates), `fingerprints` (of them), `pool`, `encoder`, `cones`, `trial` (the
        matcher and its threshold).
    settings : mapping
        `verifier` of the config.
    results, figure : str
        Files to write: TSV and PNG.
    """
    trial = read_json(inputs["trial"])
    pool, originals = read_table(inputs["pool"]), spooled(inputs["pool"])
    made, pictures = read_table(inputs["pictures"]), spooled(inputs["pictures"])
    rows = np.asarray(load_rows(inputs["fingerprints"], encoder_digest(inputs["encoder"])))
    match = matcher(trial["matcher"])
    confirmed = confirmed_by(match, trial["threshold"], made, pictures, pool, originals)
    gallery = choose(originals, (pool["role"] != "heldout").to_numpy())
    limit = trial["threshold"]
    verifier = Verifier(Cones.read(inputs["cones"]), gallery, match, settings["nearest"], limit)
    rejected, matched = refusals(verifier, pictures, rows, trial["threshold"])
    table = measured(made, confirmed, rejected, rejected | matched, seed)
    write_table(table, results)
    draw_near_duplicates(table, figure)
    for row in table.itertuples():
        step.info("%s %g: %d of %d confirmed", row.family, row.strength, row.confirmed, row.n)


def confirmed_by(
    match: Matcher,
    limit: float,
    made: pd.DataFrame,
    pictures: Stored,
    pool: pd.DataFrame,
    originals: Stored,
) -> Mask:
    """Return whether the matcher takes each near-duplicate for its original (of a blend: for either); (n,)."""
    place = {int(row): number for number, row in enumerate(pool["row"])}
    used = {int(row) for row in (*made["original"], *made["second"]) if row}
    kept = {row: match.template(originals[place[row]]) for row in sorted(used)}

    def same(template: Any, row: int) -> bool:
        return row > 0 and kept[row] is not None and match.similarity(kept[row], template) > limit

    out = np.zeros(len(made), bool)
    for number, (one, other) in enumerate(zip(made["original"], made["second"], strict=True)):
        template = match.template(pictures[number])
        out[number] = template is not None and (
            same(template, int(one)) or same(template, int(other))
        )
    return out


def refusals(verifier: Verifier, pictures: Stored, rows: Rows, limit: float) -> tuple[Mask, Mask]:
    """Return whether the cones reject each picture, and whether the verifier, asked as of candidates, matches one.

    A picture without a fingerprint is refused, so it counts as rejected.
    """
    verification = verifier.verify(pictures, rows)
    return verification.rejected, verification.similarity > limit


def measured(
    made: pd.DataFrame, confirmed: Mask, rejected: Mask, together: Mask, seed: int
) -> pd.DataFrame:
    """Return one row per family and strength.

    Returns
    -------
    DataFrame
        `family`, `strength`, `n`, `persons`, `confirmed`, `confirmed_persons`, and four shares, each with `_low` and
        `_high` over persons: `rejected` (by the cones, of all), `rejected_confirmed` (by the cones, of the confirmed),
        `refused_together` and `refused_together_confirmed` (by the cones or the verifier; of the confirmed it
        says no more than whether the matcher was asked about the right original).
    """
    table = []
    for family, strength in dict.fromkeys(zip(made["family"], made["strength"], strict=True)):
        here = np.flatnonzero((made["family"] == family) & (made["strength"] == strength))
        who, sure = made["person"].to_numpy()[here], confirmed[here]
        row = {"family": family, "strength": strength, "n": len(here), "persons": len(np.unique(who)),
               "confirmed": int(sure.sum()), "confirmed_persons": len(np.unique(who[sure]))}  # fmt: skip
        for name, events, of in (
            ("rejected", rejected[here], np.ones(len(here), bool)),
            ("rejected_confirmed", rejected[here], sure),
            ("refused_together", together[here], np.ones(len(here), bool)),
            ("refused_together_confirmed", together[here], sure),
        ):
            share = share_of_pictures(events[of], who[of], seed)
            row |= {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high}
        table.append(row)
    return pd.DataFrame(table)


def draw_near_duplicates(table: pd.DataFrame, path: str | Path) -> None:
    """One panel per family with strengths; bars are 95 % intervals over persons. A family without is in the title."""
    graded = [name for name, rows in table.groupby("family", sort=False) if len(rows) > 1]
    figure = Figure(figsize=(4.6 * max(1, len(graded)), 4.0), layout="constrained")
    for axes, name in zip(
        figure.subplots(1, max(1, len(graded)), squeeze=False)[0], graded, strict=False
    ):
        _panel(axes, table[table["family"] == name], str(name))
    once = [
        row
        for name, rows in table.groupby("family", sort=False)
        if len(rows) == 1
        for row in rows.itertuples()
    ]
    notes = [
        f"{row.family}: {row.rejected:.1%} of {row.n} rejected, {row.confirmed} confirmed"
        for row in once
    ]
    figure.suptitle("; ".join(notes), fontsize="small")
    if figure.axes and graded:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, fontsize="small", frameon=False, loc="outside lower center", ncols=2
        )
    write_figure(path, figure, dpi=150)


def _panel(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    strength = rows["strength"].to_numpy()
    axes.bar(
        strength,
        rows["confirmed"] / rows["n"],
        width=0.03,
        color="#dddddd",
        label="confirmed by the matcher",
    )
    for measure, (label, colour, style) in LINES.items():
        values = rows[measure].to_numpy()
        reach = np.abs(
            np.stack([values - rows[f"{measure}_low"], rows[f"{measure}_high"] - values])
        )
        axes.errorbar(
            strength,
            values,
            yerr=reach,
            fmt=style,
            color=colour,
            markersize=4,
            capsize=2,
            label=label,
        )
    axes.set(xlabel="strength", title=name, ylim=(-0.02, 1.02))
    axes.grid(axis="y", alpha=0.3)
