"""The border of a release's calibration: from which scale of the cones on every altered original is rejected."""

import numpy as np
import pandas as pd

from avatarflow.core.paths import read_json

from .interface import Item, Request, estimate, origin_of, picture


def make(request: Request) -> Item:
    """Show the settings plane, and its border by the weight of the own radius."""
    files = request.files[0]
    plane, calibration = pd.read_csv(files["plane"], sep="\t"), read_json(files["calibration"])
    borders = plane.groupby("beta")[["border", "at_border_passing"]].first()
    rows: list[list[object]] = [
        [f"beta {beta:g}", *(value if np.isfinite(value) else None for value in border)]
        for beta, border in zip(borders.index, borders.to_numpy(), strict=True)
    ]
    rows += [
        ["in force: scale c", calibration["c"], None],
        ["in force: real pictures of held-out subjects that pass", None, estimate(calibration["specificity"])],
        ["in force: test patients with an accepted altered original", None, estimate(calibration["miss"])],
    ]  # fmt: skip
    return Item(
        ["setting", "border of c", "share"],
        1,
        rows,
        picture(files["picture"]),
        "The plane of two settings of the filter: the border beyond which every altered original is rejected, "
        "and, as colour, the share of real pictures of held-out subjects that would still pass.",
        [
            f"Originals: {origin_of(request.facts[0])}.",
            "In the rows of the plane, share is that of real pictures of held-out subjects that pass at the border.",
        ],
    )
