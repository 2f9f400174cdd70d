#!/usr/bin/env python3
"""What the first line of an audit says of sets that somebody made by editing originals.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/attacks/edited_sets.py --real ../shared/data/eyes

48 drawn eyes, and 48 real fundus photographs of as many eyes (CHASE_DB1, HRF, PAPILA), at 64 px. Candidates are all of
them with their channels swapped, in quarter turns, cut to half of the side, or with one half blackened; copies of one
patient; and pictures that are nobody's, of which nothing may be said. The keypoints decide (set on the same originals,
as `verifier.trial` does), no cone is asked. Writes results/edited_sets.json: the answer, and the line.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from avatarflow.audit.answers import too_near
from avatarflow.audit.candidates import outcomes
from avatarflow.audit.pattern import pattern
from avatarflow.core.arrays import Pictures
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.privacy.cones.decide import MATCHED, OUTSIDE
from avatarflow.privacy.verifier import matcher
from avatarflow.privacy.verifier.keypoint_votes import indexed
from avatarflow.privacy.verifier.trial import threshold

RESULTS = Path(__file__).parent / "results" / "edited_sets.json"
SIZE_PX, SEED = 64, 3
DATASETS = ("chase_db1", "hrf", "papila")


def main() -> None:
    """Edit, ask, and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--real", type=Path, help="folder with manifest.csv of fundus photographs")
    parser.add_argument("--originals", type=int, default=48)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    sets = {"drawn eyes": drawn(given.originals)}
    if given.real:
        sets["real fundus photographs"] = real(given.real, given.originals)
    found = [{"originals": name, **each} for name, known in sets.items() for each in audited(known)]
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for each in found:
        print(each["originals"], "|", each["set"], "|", each["answer"], "|", each["line"])


def drawn(originals: int) -> Pictures:
    """One eye each of twice as many persons as are originals: the second half is nobody's."""
    eyes = [2 * person for person in range(2 * originals)]
    return draw_eyes("fundus", eyes, [0] * len(eyes), SIZE_PX, SEED)[0]


def real(root: Path, originals: int) -> Pictures:
    """One photograph each of as many eyes, in the order of a draw: those on which the keypoints were chosen."""
    table = pd.read_csv(root / "manifest.csv", dtype=str)
    table = table[table["dataset"].isin(DATASETS) & (table["view"] == "fundus")]
    table = table.drop_duplicates("eye_id")
    some = table.sample(2 * originals, random_state=SEED)
    return np.stack([squared(root / path) for path in some["file"]])


def squared(path: Path) -> Pictures:
    """The middle of a photograph at the working size."""
    with Image.open(path) as image:
        side = min(image.size)
        left, top = ((edge - side) // 2 for edge in image.size)
        middle = image.convert("RGB").crop((left, top, left + side, top + side))
        return np.asarray(middle.resize((SIZE_PX, SIZE_PX), Image.Resampling.BOX))


def edits() -> dict[str, Callable[[Pictures, int], Pictures]]:
    """What is done to a picture, by name; the number chooses among several ways."""
    return {
        "channels swapped": lambda p, n: p[..., [2, 0, 1]],
        "quarter turns": lambda p, n: np.rot90(p, 1 + n % 3),
        "cut to half of the side": cut_to_half,
        "one half blackened": blackened,
    }


def cut_to_half(picture: Pictures, number: int) -> Pictures:
    """A square of half of the side, somewhere in the picture, at full size."""
    half = len(picture) // 2
    top, left = np.random.default_rng([SEED, number]).integers(half // 4, 3 * half // 4 + 1, 2)
    part = np.ascontiguousarray(picture[top : top + half, left : left + half])
    return np.asarray(Image.fromarray(part).resize(picture.shape[:2], Image.Resampling.BICUBIC))


def blackened(picture: Pictures, number: int) -> Pictures:
    """The picture with one of its four halves black."""
    out, half = picture.copy(), len(picture) // 2
    rows, columns = slice(None), slice(None)
    side = slice(0, half) if number % 2 else slice(half, None)
    rows, columns = (side, columns) if number % 4 < 2 else (rows, side)
    out[rows, columns] = 0
    return out


def audited(pictures: Pictures) -> list[dict[str, Any]]:
    """Every set of candidates against the originals."""
    known, nobody = np.split(pictures, 2)
    match = matcher("keypoints")
    index = indexed(match, known)
    own = [[place] for place in range(len(known))]
    alike = index.most_alike([*map(match.of_candidate, known)], without=own)[0]
    limit = threshold(np.nan_to_num(alike), 0.01)
    sets = {
        name: np.stack([np.ascontiguousarray(edit(p, n)) for n, p in enumerate(known)])
        for name, edit in edits().items()
    }
    lighter = [np.clip(known[5] * (0.9 + 0.005 * n), 0, 255).astype(np.uint8) for n in range(24)]
    sets["all of one patient"] = np.stack(lighter)
    sets["nobody's"] = nobody
    rows = []
    for name, candidates in sets.items():
        similarity, original = index.most_alike([*map(match.of_candidate, candidates)], limit)
        rows.append({"set": name, **said(known, candidates, similarity > limit, original)})
    return rows


def said(
    known: Pictures, candidates: Pictures, matched: npt.NDArray[np.bool_],
    original: npt.NDArray[np.int64],
) -> dict[str, Any]:  # fmt: skip
    """The first answer of an audit, and its page's first line."""
    decisions = pd.DataFrame(
        {
            "accepted": ~matched,
            "reason": np.where(matched, MATCHED, OUTSIDE).astype(object),
            "matched_original": pd.array(original + 1, "Int64"),
        }
    )
    numbers = np.arange(len(known))
    pool = pd.DataFrame({"row": numbers + 1, "person": numbers})
    weighed = {
        **outcomes(decisions),
        "pattern": pattern(decisions, None, pool, known.__getitem__, candidates.__getitem__),
    }
    answer = too_near(weighed, 0)
    named = weighed["pattern"]["sentence"]
    line = f"Of the risky candidates {named}. " if named else ""
    risky, accepted = weighed["risky"]["count"], weighed["accepted"]["count"]
    line += f"{risky} of {weighed['candidates']} candidates are risky, {accepted} are accepted."
    return {
        "answer": answer["answer"], "line": line, "risky": risky, "candidates": len(candidates),
        "changes": weighed["pattern"]["changes"],
    }  # fmt: skip


if __name__ == "__main__":
    main()
