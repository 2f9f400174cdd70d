"""The officer's page: one HTML file with the decision, the gates, the claim and the figures behind them."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..paths import replacing
from .templates import fill

PICTURES = {
    "plane": (
        "Cone settings",
        "Settings plane of the cone: the border beyond which every altered original is rejected, and the share of "
        "strangers' real pictures that would still pass.",
    ),
    "rivals": (
        "Cone and rivals",
        "The cone beside published rules on the same fingerprints, each with the threshold that rejects the stated "
        "share of calibration alterations: what it accepts of strangers' real pictures, rejects of test alterations.",
    ),
    "overview": (
        "Fidelity and agreement",
        "Bars with 95 % intervals: distance to and coverage of held-out real pictures, for real, released and "
        "PCA-Gaussian pictures; agreement with the asked condition.",
    ),
    "contact_sheet": (
        "Contact sheet",
        "Some of the released pictures in equal number per condition, with their labels.",
    ),
    "pairs": (
        "Nearest originals",
        "The riskiest accepted pictures, each left of the original it comes nearest to.",
    ),
}
"""Title and description of every picture the page can show, in order."""


def officer_page(certificate: Mapping[str, Any], pictures: Mapping[str, str | Path], page: str | Path) -> None:
    """Write the page.

    Parameters
    ----------
    certificate : mapping
        As in `certificate.json`.
    pictures : mapping
        Name in `PICTURES` to a PNG file; files that are not there are left out. With `pairs` the page shows originals
        and says so at the top: it must not leave the house then.
    page : path
        The `.html` to write.
    """
    shown = [
        {"title": title, "alt": alt, "name": name, "data": base64.b64encode(Path(pictures[name]).read_bytes()).decode()}
        for name, (title, alt) in PICTURES.items()
        if name in pictures and Path(pictures[name]).is_file()
    ]
    text = fill(
        "officer_report.html.j2",
        certificate=certificate,
        pictures=shown,
        confidential=any(picture["name"] == "pairs" for picture in shown),
        agreement=certificate["measured"].get("evaluation", {}).get("agreement", {}),
        encoders=certificate["measured"].get("evaluation", {}).get("encoders", {}),
    )
    with replacing(page) as path:
        path.write_text(text, encoding="utf-8")


def officer_page_of(certificate: str, pictures: Mapping[str, str], page: str) -> None:
    """`officer_page` from the certificate's file."""
    officer_page(json.loads(Path(certificate).read_text(encoding="utf-8")), pictures, page)
