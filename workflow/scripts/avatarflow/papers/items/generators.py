"""Families of generators side by side: fidelity, agreement with the condition, attacks, by release."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from avatarflow.core.paths import read_json

from .interface import RELEASE, Item, Request, decision_of, drawn, estimate, origin_of
from .intervals import draw_intervals

KID = "KID over that of a PCA-Gaussian"
COVERAGE = "coverage over that of real pictures"
AUC = "largest AUC of an attack on the pictures"
DRAWN = {KID: "lower is nearer to real", COVERAGE: "1 is that of real pictures", AUC: "0.5 is guessing"}  # fmt: skip


def make(request: Request) -> Item:
    """Compare releases that differ in the family of their generator."""
    shared = {column for facts in request.facts for column in facts["conditions"]}
    agreed = {column: f"agreement with the asked {column}" for column in sorted(shared)}
    rows = []
    for name, files, facts in zip(request.names, request.files, request.facts, strict=True):
        metrics, certificate = read_json(files["metrics"]), read_json(files["certificate"])
        attack, conclusion = largest_auc(read_json(files["attacks"])["rows"], RELEASE)
        agreement = metrics["agreement"]
        rows.append(
            [
                facts["family"],
                name,
                decision_of(certificate),
                metrics["counts"]["released"],
                estimate(metrics["worst"]["kid_ratio"]),
                estimate(metrics["worst"]["coverage_ratio"]),
                *(
                    estimate(agreement[column]["asked"]) if column in agreement else None
                    for column in agreed
                ),
                attack,
                conclusion,
            ]
        )
    columns = ["family", "release", "decision", "accepted pictures", KID, COVERAGE, *agreed.values(), AUC,
               "what the attacks conclude"]  # fmt: skip
    return Item(
        columns,
        2,
        rows,
        drawn(_figure(columns, rows)),
        f"For the families {', '.join(row[0] for row in rows)}: {KID}, {COVERAGE} and {AUC}, with 95 % intervals.",
        [
            "Of two encoders the worse figure is shown.",
            *dict.fromkeys(f"Originals: {origin_of(facts)}." for facts in request.facts),
        ],
    )


def largest_auc(
    attacks: list[dict[str, Any]], target: str
) -> tuple[Mapping[str, Any] | None, str | None]:
    """Return the largest AUC among the attacks on a target, and what they conclude, each with its number."""
    here = [row for row in attacks if row["target"] == target]
    measured = [row["auc"] for row in here if row["auc"] is not None]
    largest = max(measured, key=lambda auc: auc["value"]) if measured else None
    counts = {
        each: sum(row["conclusion"] == each for row in here)
        for each in sorted({row["conclusion"] for row in here})
    }
    return estimate(largest), ", ".join(f"{count} {each}" for each, count in counts.items()) or None


def _figure(columns: list[str], rows: list[list[Any]]) -> Figure:
    figure = Figure(figsize=(9.6, 1.4 + 0.4 * len(rows)), layout="constrained")
    names = [row[0] for row in rows]
    for axes, (column, note) in zip(figure.subplots(1, len(DRAWN)), DRAWN.items(), strict=True):
        place = columns.index(column)
        draw_intervals(axes, names, [row[place] for row in rows])
        axes.set_title(f"{column}\n({note})", fontsize=8)
        if column == AUC:
            axes.axvline(0.5, color="#6a6a6a", linestyle=":", linewidth=1)
    return figure
