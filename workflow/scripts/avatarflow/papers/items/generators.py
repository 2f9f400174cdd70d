"""Families of generators side by side: fidelity, agreement with the condition, attacks, by release."""

from collections.abc import Mapping, Sequence
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
    families = [facts["family"] for facts in request.facts]
    columns = [
        _of_release(files, facts) for files, facts in zip(request.files, request.facts, strict=True)
    ]
    measures = dict.fromkeys(measure for column in columns for measure in column)
    rows: list[list[Any]] = [["release", *request.names]]
    rows += [[measure, *(column.get(measure) for column in columns)] for measure in measures]
    return Item(
        ["measure", *families],
        1,
        rows,
        drawn(_figure(families, columns)),
        f"For the families {', '.join(families)}: {KID}, {COVERAGE} and {AUC}, with 95 % intervals.",
        [
            "Of two encoders the worse figure is shown.",
            *dict.fromkeys(f"Originals: {origin_of(facts)}." for facts in request.facts),
        ],
    )


def _of_release(files: Mapping[str, str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was measured on a release, by measure."""
    metrics = read_json(files["metrics"])
    attack, conclusion = largest_auc(read_json(files["attacks"])["rows"], RELEASE)
    return {
        "decision": decision_of(read_json(files["certificate"])),
        "accepted pictures": metrics["counts"]["released"],
        KID: estimate(metrics["worst"]["kid_ratio"]),
        COVERAGE: estimate(metrics["worst"]["coverage_ratio"]),
        **{
            f"agreement with the asked {column}": estimate(metrics["agreement"][column]["asked"])
            for column in facts["conditions"]
            if column in metrics["agreement"]
        },
        AUC: attack,
        "what the attacks conclude": conclusion,
    }


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


def _figure(families: Sequence[str], columns: Sequence[Mapping[str, Any]]) -> Figure:
    figure = Figure(figsize=(9.6, 1.4 + 0.4 * len(families)), layout="constrained")
    for axes, (measure, note) in zip(figure.subplots(1, len(DRAWN)), DRAWN.items(), strict=True):
        draw_intervals(axes, families, [column[measure] for column in columns])
        axes.set_title(f"{measure}\n({note})", fontsize=8)
        if measure == AUC:
            axes.axvline(0.5, color="#6a6a6a", linestyle=":", linewidth=1)
    return figure
