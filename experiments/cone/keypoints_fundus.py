#!/usr/bin/env python3
"""What the keypoint verifier recognises on real fundus photographs: altered copies, second photographs, other eyes.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/keypoints_fundus.py [--size 64 256]

IDRiD (one photograph an eye): half of the eyes are originals, the other half held out. The threshold is set on the
originals as a release sets it: each is compared with all others, and 1 % of them may be above it. It is tried on the
held-out eyes. Every kind of alteration is made once of each of the tested originals, and the copy is asked about all.
RIDB (five photographs an eye): pairs of one eye, and of eyes that may not be of one person.
Needs the shared eye pictures (AVATARFLOW_DATA, or ../shared/data). Writes results/keypoints_fundus.json.
"""

import argparse
import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import map_coordinates

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


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture after a JPEG export."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    """The picture at another size."""
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))


def crop(picture: np.ndarray, share: float) -> np.ndarray:
    """The middle of the picture, at full size."""
    side, edge = len(picture), round(len(picture) * (1 - share) / 2)
    return resized(np.ascontiguousarray(picture[edge : side - edge, edge : side - edge]), side)


def box(picture: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """A black square over a share of the area."""
    out, side = picture.copy(), len(picture)
    edge = round(side * np.sqrt(share))
    row, column = rng.integers(0, side - edge + 1, 2)
    out[row : row + edge, column : column + edge] = 0
    return out


def pasted(part: str, picture: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A part of the picture in another eye."""
    out, side = other.copy(), len(picture)
    where = (
        (slice(None), slice(0, side // 2))
        if part == "left"
        else (slice(side // 4, -side // 4),) * 2
    )
    out[where] = picture[where]
    return out


def framed(picture: np.ndarray) -> np.ndarray:
    """A white frame of a tenth."""
    out, edge = picture.copy(), len(picture) // 10
    out[:edge] = out[-edge:] = 255
    out[:, :edge] = out[:, -edge:] = 255
    return out


def montage(picture: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """The picture as one of four."""
    half = len(picture) // 2
    cells = [resized(each, half) for each in (others[0], picture, others[1], others[2])]
    return np.vstack([np.hstack(cells[:2]), np.hstack(cells[2:])])


def shrunk(picture: np.ndarray) -> np.ndarray:
    """Half the size, on black."""
    out, side = np.zeros_like(picture), len(picture)
    out[side // 4 : side // 4 + side // 2, side // 4 : side // 4 + side // 2] = resized(
        picture, side // 2
    )
    return out


def warped(picture: np.ndarray) -> np.ndarray:
    """Seen from the side."""
    side = len(picture)
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    moved = corners + side * np.array([[0.1, 0.05], [-0.05, 0.1], [0, -0.1], [0.05, 0]], np.float32)
    return np.asarray(
        cv2.warpPerspective(picture, cv2.getPerspectiveTransform(corners, moved), (side, side))
    )


def swirled(picture: np.ndarray) -> np.ndarray:
    """Turned by up to 60 degrees in the middle, less outside."""
    side = len(picture)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    angle = np.radians(60) * np.exp(-np.hypot(x, y) / (side / 4))
    rows = np.sin(angle) * x + np.cos(angle) * y + (side - 1) / 2
    columns = np.cos(angle) * x - np.sin(angle) * y + (side - 1) / 2
    planes = [
        map_coordinates(picture[..., c], (rows, columns), order=1, mode="nearest") for c in range(3)
    ]
    return np.stack(planes, axis=2)


def mosaic(picture: np.ndarray) -> np.ndarray:
    """32 cells a side, each of one colour."""
    return np.asarray(
        Image.fromarray(resized(picture, 32)).resize(picture.shape[:2], Image.Resampling.NEAREST)
    )


def screen(picture: np.ndarray) -> np.ndarray:
    """Every second row and column darker, as on a photographed screen."""
    out = picture.astype(float)
    out[::2] *= 0.6
    out[:, ::2] *= 0.8
    return out.astype(np.uint8)


def recoloured(picture: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean and spread of each colour as in another eye."""
    one, two = picture.reshape(-1, 3).astype(float), other.reshape(-1, 3).astype(float)
    moved = (picture - one.mean(0)) / (one.std(0) + 1e-6) * two.std(0) + two.mean(0)
    return np.clip(moved, 0, 255).astype(np.uint8)


def combined(picture: np.ndarray) -> np.ndarray:
    """Turn, crop, gamma and JPEG."""
    turned = np.asarray(Image.fromarray(picture).rotate(8, Image.Resampling.BICUBIC))
    return jpeg((255 * (crop(turned, 0.8) / 255.0) ** 1.5).astype(np.uint8), 30)


Altering = Callable[[np.ndarray, list[np.ndarray], np.random.Generator], np.ndarray]
ALTERATIONS: dict[str, Altering] = {
    "channel order swapped": lambda p, o, r: np.ascontiguousarray(p[..., [2, 0, 1]]),
    "half blacked out": lambda p, o, r: np.concatenate(
        [p[:, : len(p) // 2], np.zeros_like(p[:, len(p) // 2 :])], 1
    ),
    "shrunk onto black": lambda p, o, r: shrunk(p),
    "2 x 2 montage": lambda p, o, r: montage(p, o),
    "40 % occlusion": lambda p, o, r: box(p, 0.4, r),
    "white frame": lambda p, o, r: framed(p),
    "quarter turn": lambda p, o, r: np.rot90(p).copy(),
    "left half in another eye": lambda p, o, r: pasted("left", p, o[0]),
    "middle in another eye": lambda p, o, r: pasted("middle", p, o[0]),
    "crop to 65 %": lambda p, o, r: crop(p, 0.65),
    "half blend": lambda p, o, r: p // 2 + o[0] // 2,
    "grey": lambda p, o, r: np.repeat(p.mean(2, keepdims=True), 3, 2).astype(np.uint8),
    "negative": lambda p, o, r: 255 - p,
    "mirrored": lambda p, o, r: np.ascontiguousarray(p[:, ::-1]),
    "colour transfer": lambda p, o, r: recoloured(p, o[0]),
    "perspective": lambda p, o, r: warped(p),
    "swirl": lambda p, o, r: swirled(p),
    "mosaic": lambda p, o, r: mosaic(p),
    "screen pattern": lambda p, o, r: screen(p),
    "turn + crop + gamma + JPEG": lambda p, o, r: combined(p),
    "JPEG quality 10": lambda p, o, r: jpeg(p, 10),
    "noise of 25 levels": lambda p, o, r: np.clip(p + r.normal(0, 25, p.shape), 0, 255).astype(
        np.uint8
    ),
}


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
    others = [
        index.most_alike(variants(picture), without={row})[0]
        for row, picture in enumerate(originals)
    ]
    limit = threshold(np.nan_to_num(others), FALSE_MATCHES)
    began = time.process_time()
    held_out = np.nan_to_num(
        [index.most_alike(variants(load(folder, name, size)))[0] for name in names[half:]]
    )
    seconds = (time.process_time() - began) / len(held_out)
    tested = rng.permutation(half)[:TESTED]
    kinds = {}
    for kind, alter in ALTERATIONS.items():
        alike, named = [], []
        for row in tested:
            others = [originals[other] for other in rng.integers(0, half, 3)]
            altered = np.ascontiguousarray(alter(originals[row], others, rng))
            value, original = index.most_alike(variants(altered))
            alike.append(value)
            named.append(original == row)
        hits = np.array(alike) > limit
        kinds[kind] = {
            "matched": measured(hits),
            "right_original": float(np.mean(named)),
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
