"""A released set: what was decided, how many pictures of which condition, and its contact sheet; or the refusal."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from avatarflow.core.outcomes import PASS
from avatarflow.core.paths import read_json
from avatarflow.imaging.shards import read_table
from avatarflow.release.counts import STEPS

from .interface import Item, Request, decision_of, drawn, origin_of, picture

SHEET, DATA = "contact_sheet.png", "data"


def make(request: Request) -> Item:
    """Show a release as it would be published; of a refused one nothing but the reasons."""
    path, facts = Path(request.files[0]["certificate"]), request.facts[0]
    certificate = read_json(path)
    passed = certificate["decision"] == PASS
    rows: list[list[Any]] = [["decision", decision_of(certificate), None]]
    for reason in certificate["reasons"]:
        gate, _, result = reason.partition(": ")
        rows.append([f"gate not passed: {gate}", result, None])
    rows += [
        [f"{step}: {meaning}", None, _count(certificate, step)] for step, meaning in STEPS.items()
    ]
    if passed and facts["conditions"]:
        table = read_table(path.parent / DATA)
        columns = [table[column].astype(str) for column in facts["conditions"]]
        counts = table.groupby(columns).size()
        for values, count in counts.items():
            shown = values if isinstance(values, tuple) else (values,)
            rows.append([f"published pictures: {' '.join(map(str, shown))}", None, int(count)])
    sheet = path.parent / SHEET
    return Item(
        ["what", "result", "pictures"],
        1,
        rows,
        picture(sheet) if passed else drawn(_refusal(certificate)),
        f"Contact sheet of the released set {request.names[0]}."
        if passed
        else f"The set {request.names[0]} was refused; no picture of it is published.",
        [f"Originals: {origin_of(facts)}."],
    )


def _count(certificate: Mapping[str, Any], step: str) -> int | None:
    counts = certificate["measured"].get("counts", {}).get(step)
    return None if counts is None else int(counts["went_on"])


def _refusal(certificate: Mapping[str, Any]) -> Figure:
    """Draw that there is nothing to see, and why."""
    lines = ["Refused: no picture is published.", *certificate["reasons"]]
    figure = Figure(figsize=(6.4, 0.5 + 0.25 * len(lines)), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(0, 0.5, "\n".join(lines), va="center", fontsize=9)
    return figure
