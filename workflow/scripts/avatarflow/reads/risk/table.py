"""Risk of every tool's misses in a read benchmark: one row per tool, setting, error and variation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from avatarflow.core.seeds import generator
from avatarflow.core.statistics import Estimate, bootstrap_weights
from avatarflow.core.tables import write_table
from avatarflow.reads.donors.sex import YContigs
from avatarflow.reads.genomes.genome import read_fasta
from avatarflow.reads.simulation.mixture import HOST
from avatarflow.runs.context import Step

from .donors import Donor, read_donors
from .genetic_map import GeneticMap, read_map
from .identity import anonymity_set, bits, bits_to_single_out, posterior, rank, sex_ratio
from .kin import kin_bits
from .match import Model, ratios_of, spread, variability
from .observations import Observations
from .panel import Panel
from .placing import aligned_observations

CELL = ["tool", "setting", "error", "variation"]
COLUMNS = [
    *CELL, "donors", "residual_fragments", "panel_fragments", "informative_fragments", "bits", "bits_low", "bits_high",
    "bits_thinned", "bits_everywhere", "rank_1_share", "rank_worst", "population", "posterior", "anonymity_set",
    "bits_to_single_out", "bits_parent", "bits_sibling", "result",
    "y_fragments", "bits_sex",
]  # fmt: skip
MEASURED, NO_PANEL, NO_CALLS = (
    "measured",
    "inconclusive: no donor has a panel",
    "the tool gave no calls",
)


def residual(run: Mapping[str, str]) -> pd.DataFrame | None:
    """Human fragments that a tool left in; None where it gave no call for some."""
    columns = ["fragment", "source", "contig", "haplotype", "start", "end", "strand"]
    truth = pq.read_table(run["truth"], columns=columns).to_pandas()
    calls = pq.read_table(run["calls"], columns=["fragment", "removed"]).to_pandas()
    both = truth.merge(calls, on="fragment", how="left")
    if both["removed"].isna().any():
        return None
    left: pd.DataFrame = both[(both["source"] == HOST) & ~both["removed"].astype(bool)].reset_index(
        drop=True
    )
    return left


def in_panel(left: pd.DataFrame, panel: Panel) -> int:
    """Fragments that lie within the panel's spans."""
    spans = {panel.contigs[number]: span for number, span in panel.spans().items()}
    inside = 0
    for contig, (first, end) in spans.items():
        inside += int(
            ((left["contig"] == contig) & (left["start"] < end) & (left["end"] > first)).sum()
        )
    return inside


def of_donor(
    left: pd.DataFrame, run: Mapping[str, Any], donor: Donor, settings: Mapping[str, Any], seed: int
) -> dict[str, float]:
    """Figures of one donor's residual fragments."""
    names = {name: row for row, name in enumerate(left["fragment"])}
    observed = aligned_observations(run["bam"], donor.panel, names)
    model = Model.of(settings)
    ratios = ratios_of(observed, donor.panel, donor.person, model, donor.lengths)
    few, panel = _thin(observed, donor, model)
    random = generator(seed, "risk.kin", donor.person)
    own = float(ratios.linked[donor.person])
    return {
        "panel_fragments": in_panel(left, donor.panel),
        "informative_fragments": observed.informative,
        "nats": own,
        "bits_thinned": bits(float(ratios.thinned[donor.person])),
        "rank": rank(ratios.linked, donor.person),
        "bits_parent": kin_bits(few, panel, donor.person, "parent", random),
        "bits_sibling": kin_bits(few, panel, donor.person, "sibling", random),
    }


def _thin(observed: Observations, donor: Donor, model: Model) -> tuple[Observations, Panel]:
    seen, panel = observed.on(donor.panel)
    single = seen.one_per_fragment(variability(panel, [donor.person]))
    return spread(single, panel, [donor.person], model.r2), panel


def sex_of(
    left: Mapping[str, pd.DataFrame],
    sexes: Mapping[str, str | None],
    y_contigs: YContigs | None,
    bleed_through: float,
) -> dict[str, float]:
    """Fragments on Y and mean bits for the donors' true sex, over those whose sex is known; nothing without a Y."""
    known = {donor: sex for donor in left if (sex := sexes.get(donor))}
    if y_contigs is None or not known:
        return {}
    found, seen = [], 0
    for donor, sex in known.items():
        on_y = int(left[donor]["contig"].isin(y_contigs.contigs).sum())
        nats = sex_ratio(on_y, len(left[donor]), y_contigs.male_share, bleed_through)
        found.append(bits(nats if sex == "male" else -nats))
        seen += on_y
    return {"y_fragments": seen, "bits_sex": float(np.mean(found))}


def row_of(
    cell: Mapping[str, Any], donors: Mapping[str, Donor], settings: Mapping[str, Any], seed: int,
    sexes: Mapping[str, str | None], y_contigs: YContigs | None,
) -> dict[str, Any]:  # fmt: skip
    """One row of the table; donors count alike, and the interval is a bootstrap over them (from two on)."""
    row: dict[str, Any] = {key: cell[key] for key in CELL}
    left = {run["donor"]: residual(run) for run in cell["runs"]}
    if any(part is None for part in left.values()):
        return {**row, "result": NO_CALLS}
    row["residual_fragments"] = sum(len(part) for part in left.values() if part is not None)
    whole = {donor: part for donor, part in left.items() if part is not None}
    row |= sex_of(whole, sexes, y_contigs, settings["bleed_through"]) if y_contigs else {}
    runs = [run for run in cell["runs"] if run["donor"] in donors]
    if not runs:
        return {**row, "donors": 0, "result": NO_PANEL}
    found = pd.DataFrame(
        of_donor(part, run, donors[run["donor"]], settings, seed)
        for run in runs
        if (part := left[run["donor"]]) is not None
    )
    people, mean = settings["population"], float(found["nats"].mean())
    figure = Estimate(bits(mean), None, None, 1)
    if len(found) > 1:
        draws = (
            bootstrap_weights(len(found), settings["bootstrap"], seed, "risk.table")
            @ found["nats"].to_numpy()
        )
        figure = Estimate.bootstrapped(bits(mean), draws / len(found) / np.log(2), len(found))
    inside = int(found["panel_fragments"].sum())
    own = sum(len(part) for name, part in left.items() if part is not None and name in donors)
    return {
        **row, "donors": len(found), "panel_fragments": inside,
        "informative_fragments": int(found["informative_fragments"].sum()),
        "bits": figure.value, "bits_low": figure.low, "bits_high": figure.high,
        "bits_thinned": found["bits_thinned"].mean(),
        "bits_everywhere": bits(mean) * own / inside if inside else None,
        "rank_1_share": (found["rank"] == 1).mean(), "rank_worst": found["rank"].max(), "population": people,
        "posterior": posterior(mean, people), "anonymity_set": anonymity_set(mean, people),
        "bits_to_single_out": bits_to_single_out(people), "bits_parent": found["bits_parent"].mean(),
        "bits_sibling": found["bits_sibling"].mean(), "result": MEASURED,
    }  # fmt: skip


def write_risk(
    cells: Sequence[Mapping[str, Any]], host: str, donors: Mapping[str, Any], settings: Mapping[str, Any], seed: int,
    output: str | Path, step: Step,
) -> pd.DataFrame:  # fmt: skip
    """Measure every cell and write the table; NA where nothing could be measured.

    Parameters
    ----------
    cells : sequence of mapping
        `tool`, `setting`, `error`, `variation` and `runs`: per donor the paths `truth`, `calls`, `bam`. Bases
        come from the reads at their true places: the most that anybody could place.
    host : path
        The prepared FASTA.
    donors : mapping
        Name to `sex` (`female`, `male` or None) and `panel`, as `donors.read_donors` takes it.
    settings : mapping
        The config's `risk`.
    seed : int
    output : path
    step : Step
    """
    known: dict[str, Donor] = {}
    panels, y_contigs = any(part["panel"] is not None for part in donors.values()), None
    sexes = {name: part["sex"] for name, part in donors.items()}
    if panels or any(sexes.values()):
        genome = read_fasta(host)
        y_contigs = YContigs.of(genome)
    if panels:
        lengths = read_map(settings["map"], genome) if settings["map"] else GeneticMap.constant()
        known = read_donors(donors, genome, lengths)
    rows = []
    for done, cell in enumerate(cells, start=1):
        rows.append(row_of(cell, known, settings, seed, sexes, y_contigs))
        step.progress(done, len(cells), "cells")
    table = pd.DataFrame(rows, columns=COLUMNS)
    write_table(table, output)
    return table
