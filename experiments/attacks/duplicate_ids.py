#!/usr/bin/env python3
"""Count the patients whose copy the keypoints miss where one eye stands in the gallery under further patient ids.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/attacks/duplicate_ids.py

Drawn eyes at 64 px: 60 eyes are originals. Of the tested ones the same eye stands in the gallery again under 1, 5 or 10
further ids: as equal bytes, saved as JPEG, shifted by up to 2 px, lighter, and as other visits of the drawn eye. One
copy of each tested eye, altered as an export alters it, is asked about, as a candidate is. The threshold is that of
simulated_releases.py's patients in kind: the largest similarity of two persons among the originals.

**Intake is not asked.** It joins or refuses near-equal pictures under several ids; here that is off, since this is
about what comes past it. **Cones are not asked either**: they need an encoder that is trained for longer than this.
Writes results/duplicate_ids.json.
"""

import argparse
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import simulated_eyes as eyes
from PIL import Image

from avatarflow.core.arrays import Pictures
from avatarflow.core.statistics import clopper_pearson
from avatarflow.privacy.verifier import matcher
from avatarflow.privacy.verifier.keypoint_votes import Index
from avatarflow.privacy.verifier.trial import threshold

RESULTS = Path(__file__).parent / "results" / "duplicate_ids.json"
ORIGINALS, IDS = 60, (1, 5, 10)
MOST = max(IDS)
IMPOSTORS = 10  # eyes whose similarity with all others sets the threshold


def main() -> None:
    """Ask about one copy of each tested eye, for every form and number of further ids."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tested", type=int, default=60, help="the first eyes of the originals")
    tested = parser.parse_args().tested
    pictures = eyes.draw([2 * person for person in range(ORIGINALS)])
    match = matcher("keypoints")
    originals = [match.template(each) for each in pictures]
    asked = list(range(ORIGINALS - IMPOSTORS, ORIGINALS))
    impostors = Index(originals).most_alike(
        [match.of_candidate(pictures[place]) for place in asked],
        without=[[place] for place in asked],
    )[0]
    limit = threshold(impostors, 0.01)
    shown = eyes.exported(pictures[:tested])
    found: dict[str, Any] = {"originals": ORIGINALS, "threshold": limit, "rows": []}
    for form, same in {"none": None, **duplicates(pictures[:tested])}.items():
        if form == "equal bytes":
            again = [originals[:tested]] * MOST
        else:
            again = [
                [match.template(one) for one in each] for each in ([] if same is None else same)
            ]
        for count in (0,) if same is None else IDS:
            index = Index([*originals, *(one for each in again[:count] for one in each)])
            alike = index.most_alike([*map(match.of_candidate, shown)], limit)[0]
            missed = int((~(alike > limit)).sum())
            low, high = clopper_pearson(missed, tested)
            row = {
                "form": form, "further_ids": count, "missed": missed, "n": tested, "low": low,
                "high": high, "median_similarity": float(np.median(alike)),
            }  # fmt: skip
            found["rows"].append(row)
            print(*row.values(), sep="\t", flush=True)
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def duplicates(known: Pictures) -> dict[str, Pictures]:
    """(ids, tested, size, size, 3) by form: the same eyes again, no two alike but for equal bytes."""
    size, tested = eyes.SIZE_PX, len(known)
    edge = np.pad(known, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    ways = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 0), (2, 4), (0, 2), (4, 2), (1, 0), (0, 1)]
    visits = [
        eyes.draw_eyes("fundus", range(0, 2 * tested, 2), [n] * tested, size, eyes.SEED)[0]
        for n in range(1, MOST + 1)
    ]
    return {
        "equal bytes": np.stack([known] * MOST),
        "JPEG": np.stack([np.stack([saved(p, 60 + 3 * n) for p in known]) for n in range(MOST)]),
        "shifted": np.stack([edge[:, y : y + size, x : x + size] for y, x in ways]),
        "lighter": np.stack(
            [np.clip(known * (1.1 + n / 200), 0, 255).astype(np.uint8) for n in range(MOST)]
        ),
        "another visit": np.stack(visits),
    }


def saved(picture: Pictures, quality: int) -> Pictures:
    """The picture after a JPEG export."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


if __name__ == "__main__":
    main()
