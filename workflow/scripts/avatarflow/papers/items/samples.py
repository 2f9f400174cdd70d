"""Samples of releases, sorted by one or two conditions, with the condition under each cell."""

import hashlib
import math
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from avatarflow.core.arrays import Pictures
from avatarflow.core.paths import read_json
from avatarflow.quality.evaluation import accepted
from avatarflow.quality.samples import Sample

from .interface import Item, Request, decision_of, drawn, origin_of

GAP_PX = 2
PAPER = 255


def make(request: Request) -> Item:
    """Show the first accepted candidates of each combination of conditions; nobody has chosen them by eye."""
    columns, count = request.settings["columns"], int(request.settings["per_cell"])
    rows: list[list[Any]] = []
    panels: list[tuple[str, list[tuple[str, Pictures]]]] = []
    for name, files, facts in zip(request.names, request.files, request.facts, strict=True):
        released = accepted(Sample.read(files["pictures"]), pd.read_parquet(files["decisions"]))
        decision = decision_of(read_json(files["certificate"]))
        cells = []
        for values in product(*(facts["conditions"][column] for column in columns)):
            fits = np.logical_and.reduce(
                [(released.table[c] == v).to_numpy() for c, v in zip(columns, values, strict=True)]
            )
            chosen = released.where(np.flatnonzero(fits)[:count])
            pictures = np.asarray(chosen.pictures[:])
            caption = " ".join(values).capitalize()
            cells.append((caption, pictures))
            digest = hashlib.sha256(pictures.tobytes()).hexdigest()[:16]
            rows.append([name, caption, len(pictures), int(fits.sum()), decision, digest])
        panels.append((name, cells))
    return Item(
        ["release", "shown", "pictures here", "accepted in all", "decision", "digest of pixels"],
        2,
        rows,
        drawn(_figure(panels, math.ceil(math.sqrt(count)))),
        f"Synthetic pictures of {', '.join(request.names)}: the first {count} accepted ones of each "
        f"combination of {' and '.join(columns)}, with the combination above them.",
        [
            f"The first {count} accepted pictures of each combination are shown, not the best ones.",
            *(
                f"Originals of {name}: {origin_of(facts)}."
                for name, facts in zip(request.names, request.facts, strict=True)
            ),
        ],
    )  # fmt: skip


def _figure(panels: list[tuple[str, list[tuple[str, Pictures]]]], side: int) -> Figure:
    widest = max(len(cells) for _, cells in panels)
    # in inches: cells stand apart more than their pictures
    layout = ConstrainedLayoutEngine(w_pad=0.1)
    figure = Figure(figsize=(2.0 * widest, 2.5 * len(panels)), layout=layout)
    for part, (name, cells) in zip(
        figure.subfigures(len(panels), 1, squeeze=False)[:, 0], panels, strict=True
    ):
        part.suptitle(name, fontsize=10)
        for axes, (caption, pictures) in zip(
            part.subplots(1, widest, squeeze=False)[0], cells, strict=False
        ):
            axes.set_title(caption, fontsize=9)
            if len(pictures):
                axes.imshow(mosaic(pictures, side), interpolation="nearest")
            else:
                axes.text(0.5, 0.5, "none accepted", ha="center", va="center")
        for axes in part.axes:
            axes.set_axis_off()
    return figure


def mosaic(pictures: Pictures, side: int) -> Pictures:
    """Lay at most side x side pictures (n, height, width, 3) out on white, in a square of always one size."""
    height, width = (size + GAP_PX for size in pictures.shape[1:3])
    sheet = np.full((side * height - GAP_PX, side * width - GAP_PX, 3), PAPER, np.uint8)
    for place, one in enumerate(pictures):
        y, x = place // side * height, place % side * width
        sheet[y : y + one.shape[0], x : x + one.shape[1]] = one
    return sheet
