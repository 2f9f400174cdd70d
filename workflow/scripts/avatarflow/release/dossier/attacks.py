"""The attacks in the terms of the Article 29 Working Party: singling out, linkability, inference."""

from collections.abc import Mapping, Sequence
from typing import Any

from avatarflow.core.outcomes import FAIL, PASS
from avatarflow.privacy.attacks.names import ON_DENOISERS, ON_DISCRIMINATORS, ON_LIKELIHOODS

from .document import Boxed, Heading, Section, Table, Text, interval, text
from .numbers import COUNT, Sources

ATTACKS = "attacks/attacks.json"
RISKS = {
    "singling_out": ("nearest_synthetic", "density_ratio"),
    "linkability": ("linkage_fellow_eye", "linkage_another_visit"),
    "inference": ("attribute_inference",),
}
"""Attacks on the released pictures by the risk that they try."""
ON_GENERATOR = ("extraction", *ON_DENOISERS, *ON_LIKELIHOODS, *ON_DISCRIMINATORS)
HEADS = ("attack", "auc", "subjects", "controls", "conclusion")


def risk_section(sources: Sources) -> Section:
    """Return what the attacks on the released pictures say of each of the three risks."""
    blocks: list[Any] = [text("risks.intro"), text("risks.reading")]
    for risk, names in RISKS.items():
        rows = chosen(sources, "release", names)
        blocks += [
            Heading(text(f"risks.{risk}")),
            Boxed(text(f"answer.{answer(rows)}"), colour(answer(rows))),
            attack_table(sources, rows),
        ]
    return Section("section.risks", blocks)


def chosen(
    sources: Sources, target: str, names: Sequence[str]
) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the rows of some attacks on a target with their positions in the file, in the order of the names."""
    rows = enumerate(sources.value(ATTACKS, "/rows") or [])
    found = [(at, row) for at, row in rows if row["target"] == target and row["attack"] in names]
    return sorted(found, key=lambda entry: names.index(entry[1]["attack"]))


def answer(rows: Sequence[tuple[int, Mapping[str, Any]]]) -> str:
    """Return what attacks say together: a leak, nothing tried, nothing seen by all or by some, or no conclusion."""
    found = [row["conclusion"] for _, row in rows]
    if any(row.get("shown") for _, row in rows):
        return "leak"
    if FAIL in found:
        return "beyond"
    if not any(row["auc"] for _, row in rows):
        return "not_run"
    if all(each == PASS for each in found):
        return "passed"
    return "partly" if PASS in found else "open"


def colour(of: str) -> str:
    """Return the outcome whose colour an answer has."""
    return {"leak": "fail", "beyond": "fail", "passed": PASS}.get(of, "inconclusive")


def why(row: Mapping[str, Any]) -> str:
    """Return why an attack has its conclusion, by the order in which it is judged."""
    if not row["auc"]:
        return "not_run"
    if row["positive"].get("caught") is not True:
        return "control_missed"
    if row["negative"].get("clean") is not True:
        return "control_not_clean"
    if row.get("shown"):
        return "leak"
    if row["conclusion"] == FAIL:
        return "beyond"
    return "within" if row["conclusion"] == PASS else "few"


def attack_table(sources: Sources, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> Table:
    """Return one line per attack and view."""
    lines = []
    for at, row in rows:
        path = f"/rows/{at}"
        measured: Text = text("auc.none")
        if row["auc"]:
            value = sources.number(ATTACKS, f"{path}/auc/value")
            measured = text(
                "auc.cell", value=value, interval=interval(sources, ATTACKS, f"{path}/auc")
            )
        lines.append(
            [
                text(
                    "attack_cell",
                    question=text(f"attack.{row['attack']}"),
                    view=text(f"view.{row['view']}"),
                ),
                measured,
                text(
                    "subjects_cell",
                    members=sources.number(ATTACKS, f"{path}/members", COUNT),
                    non_members=sources.number(ATTACKS, f"{path}/non_members", COUNT),
                ),
                text(f"controls.{_controls(row)}"),
                text(
                    "conclusion_cell",
                    conclusion=text(f"conclusion.{row['conclusion']}"),
                    why=text(f"why.{why(row)}"),
                ),
            ]
        )
    return Table([f"head.{head}" for head in HEADS], lines, [row["conclusion"] for _, row in rows])


def _controls(row: Mapping[str, Any]) -> str:
    """Return what both controls of an attack say."""
    if not row["auc"]:
        return "none"
    if row["positive"].get("caught") is not True:
        return "missed"
    return "both" if row["negative"].get("clean") is True else "not_clean"
