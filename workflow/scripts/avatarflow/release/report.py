"""The officer's page: one HTML file with the decision, the gates, the claim and the figures behind them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avatarflow.core.paths import read_json, write_text

from .counts import STEPS
from .gates.other_thresholds import shown_gates
from .templates import embedded, fill

PICTURES = {
    "plane": (
        "Cone settings",
        "Settings plane of the cone: the border beyond which every altered original is rejected, and the share of "
        "held-out subjects' real pictures that would still pass.",
    ),
    "baselines": (
        "Cone and baselines",
        "The cone beside published rules on the same fingerprints, each with the threshold that rejects the stated "
        "share of calibration perturbations: what it accepts of held-out subjects' real pictures, rejects of test "
        "perturbations.",
    ),
    "near_duplicates": (
        "Near-duplicates",
        "Blends, round trips and image to image of test persons' originals: the share that the independent matcher "
        "still takes for the original, and the share rejected, with 95 % intervals over persons. None calibrated.",
    ),
    "attacks": (
        "Attacks",
        "AUC of every attack over persons with 95 % intervals, for teacher, student and release; shape and colour: "
        "conclusion; triangles: positive and negative control; dashed: the largest upper limit that passes. An empty "
        "line: that attack is not made on that target.",
    ),
    "canaries": (
        "Canaries",
        "Generated eyes that are nobody's, put into the teacher's training set. Above: the share of them that some "
        "picture shows, by their own cone and by the independent matcher. Below: how far up each attack ranks them "
        "among canaries that were never trained on. 95 % intervals; dotted: chance.",
    ),
    "overview": (
        "Fidelity and agreement",
        "Bars with 95 % intervals: distance to and coverage of held-out real pictures, for real, released and "
        "PCA-Gaussian pictures; agreement with the asked condition.",
    ),
    "frontier": (
        "Guidance and risk",
        "First panel: what stronger guidance costs in privacy and brings in fidelity, a point per guidance scale. Then "
        "fidelity, agreement with the asked condition, the share that the cone rejects and the lower tail of the risk "
        "over the guidance scale, for teacher and student; dashed and hollow: all candidates, solid: accepted. 95 % "
        "intervals.",
    ),
    "contact_sheet": (
        "Contact sheet",
        "Some of the released pictures in equal number per condition, with their labels.",
    ),
    "pairs": (
        "Nearest originals",
        "The riskiest accepted pictures, the riskiest first, each left of the original it comes nearest to, with its "
        "risk (above 1: outside every cone) and by how many degrees it lies outside the nearest cone. Originals are "
        "numbered on this page alone.",
    ),
}
"""Title and description of every picture the page can show, in order."""


def officer_page(
    certificate: Mapping[str, Any],
    pictures: Mapping[str, str | Path | None],
    page: str | Path,
    attacks: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write the page.

    Parameters
    ----------
    certificate : mapping
        As in `certificate.json`.
    pictures : mapping
        Name in `PICTURES` to a PNG file; files that are not there or empty are left out. With `pairs` the page shows
        originals and says so at the top: it is internal only then.
    page : path
        The `.html` to write.
    attacks : sequence of mappings, optional
        Rows of `attacks.json`.
    """
    shown = [
        {"title": title, "alt": alt, "name": name, "data": data}
        for name, (title, alt) in PICTURES.items()
        if (path := pictures.get(name)) and (data := embedded(path))
    ]
    text = fill(
        "officer_report.html.j2",
        certificate=certificate,
        unit=certificate["unit"],
        steps=STEPS,
        **shown_gates(certificate["gates"]),
        pictures=shown,
        attacks=[_complete(row) for row in attacks],
        confidential=any(picture["name"] == "pairs" for picture in shown),
        agreement=certificate["measured"].get("evaluation", {}).get("agreement", {}),
        verifier=certificate["measured"].get("verifier", {}),
        encoders=certificate["measured"].get("evaluation", {}).get("encoders", {}),
    )
    write_text(page, text)


def officer_page_of(
    certificate: str, pictures: Mapping[str, str | None], page: str, attacks: str | None = None
) -> None:
    """`officer_page` from the certificate's file and, where there are any, the attacks'."""
    rows = read_json(attacks)["rows"] if attacks else ()
    officer_page(read_json(certificate), pictures, page, rows)


def _complete(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attack's row with a description even where it could not run."""
    return {"meaning": "", **row}
