#!/usr/bin/env python3
"""What the keypoint verifier recognises on real fundus photographs: altered copies, second photographs, other eyes.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/keypoints_fundus.py [--size 64 256]

IDRiD (one photograph an eye): half of the eyes are originals, the other half held out. The
threshold is set on the originals as a release sets it: each is compared with all others, and 1 % of
them may be above it. It is tried on the held-out eyes. Every kind of alteration is made once of
each of the tested originals, and the copy is asked about all. RIDB (five photographs an eye): pairs
of one eye, and of eyes that may not be of one person. Needs the shared eye pictures
(AVATARFLOW_DATA, or ../shared/data). Writes results/keypoints_fundus.json.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from alterations import ALTERATIONS
from PIL import Image

from avatarflow.core.statistics import wilson_or_exact
from avatarflow.privacy.verifier.keypoint_votes import Index
from avatarflow.privacy.verifier.keypoints import similarity, template, variants
from avatarflow.privacy.verifier.trial import threshold

RESULT = Path(__file__).parent / "results" / "keypoints_fundus.json"
ROOT = Path(__file__).parents[2]
SEED, TESTED, FALSE_MATCHES = 7, 100, 0.01


def load(folder: Path, name: str, size: int) -> np.ndarray:
    """One photograph as (size, size, 3) uint8."""
    with Image.open(folder / name) as image:
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS))


def measured(hits: np.ndarray) -> dict[str, float | int | None]:
    """A share with its 95 % interval."""
    return wilson_or_exact(int(hits.sum()), len(hits)).as_dict()


def idrid(folder: Path, manifest: pd.DataFrame, size: int) -> tuple[dict, float]:
    """Altered copies and held-out eyes; and the threshold."""
    rng = np.random.default_rng(SEED)
    rows = manifest[manifest["dataset"] == "idrid"].drop_duplicates("eye_id")
    names = rng.permutation(rows["file"].to_numpy())
    half = len(names) // 2
    originals = [load(folder, name, size) for name in names[:half]]
    index = Index([template(picture) for picture in originals])
    asked = [variants(picture) for picture in originals]
    others, _ = index.most_alike(asked, without=[{row} for row in range(half)])
    limit = threshold(np.nan_to_num(others), FALSE_MATCHES)
    began = time.process_time()
    asked = [variants(load(folder, name, size)) for name in names[half:]]
    held_out = np.nan_to_num(index.most_alike(asked)[0])
    seconds = (time.process_time() - began) / len(held_out)
    tested = rng.permutation(half)[:TESTED]
    kinds = {}
    for kind, alter in ALTERATIONS.items():
        altered = []
        for row in tested:
            others = [originals[other] for other in rng.integers(0, half, 3)]
            altered.append(np.ascontiguousarray(alter(originals[row], others, rng)))
        alike, named = index.most_alike([variants(picture) for picture in altered])
        hits = alike > limit
        kinds[kind] = {
            "matched": measured(hits),
            "right_original": float(np.mean(named == tested)),
            "median_keypoints": float(np.nanmedian(alike)),
        }
    return {
        "originals": half,
        "threshold": limit,
        "held_out_matched": measured(held_out > limit),
        "held_out_largest": float(held_out.max()),
        "seconds_per_picture": seconds,
        "altered": dict(sorted(kinds.items(), key=lambda each: each[1]["matched"]["value"])),
    }, limit


def ridb(
    folder: Path, manifest: pd.DataFrame, pairs: pd.DataFrame, size: int, limit: float
) -> dict:
    """Pairs of one eye, and of eyes that may not be of one person."""
    rows = manifest[manifest["dataset"] == "ridb"]
    kept = {name: template(load(folder, name, size)) for name in rows["file"]}
    same = pairs[
        (pairs["kind"] == "same_eye") & pairs["file_a"].isin(kept) & pairs["file_b"].isin(kept)
    ]
    genuine = np.array(
        [similarity(kept[a], kept[b]) for a, b in zip(same["file_a"], same["file_b"], strict=True)]
    )
    group = dict(zip(rows["file"], rows["same_person_guess"], strict=True))
    firsts = [name for name in kept if name.endswith("_1.jpg")]
    impostors = np.array(
        [similarity(kept[a], kept[b]) for a in firsts for b in firsts if group[a] < group[b]]
    )
    eyes = same["file_a"].str.rsplit("_", n=1).str[0].to_numpy()
    least = pd.Series(genuine > limit).groupby(eyes).mean()
    return {
        "pairs": len(genuine), "eyes": len(least), "matched": measured(genuine > limit),
        "eyes_with_every_pair_matched": int((least == 1).sum()), "smallest": float(genuine.min()),
        "impostors": len(impostors), "impostors_largest": float(impostors.max()),
        "impostors_matched": int((impostors > limit).sum()),
        "above_all_impostors": measured(genuine > impostors.max()),
    }  # fmt: skip


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, nargs="+", default=[64, 256])
    folder = Path(os.environ.get("AVATARFLOW_DATA") or ROOT.parent / "shared" / "data") / "eyes"
    manifest, pairs = pd.read_csv(folder / "manifest.csv"), pd.read_csv(folder / "pairs.csv")
    manifest = manifest[manifest["view"] == "fundus"]
    results = {}
    for size in parser.parse_args().size:
        found, limit = idrid(folder, manifest, size)
        results[str(size)] = {"idrid": found, "ridb": ridb(folder, manifest, pairs, size, limit)}
        RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
