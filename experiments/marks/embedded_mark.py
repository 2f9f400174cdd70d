"""Whether a mark in the pixels survives JPEG 80 and half the size, how often it is seen in error, and what it costs.

    python experiments/marks/embedded_mark.py --out experiments/marks/results/embedded_mark.json \
        [--photographs <folder with manifest.csv>] [--release <results/releases/name>]

Asked for before the first run, at 128 and 256 px: found in 99 of 100 pictures after JPEG 80 at half
size, not once in 10,000 pairs of an unmarked picture and a key, PSNR 40 dB and SSIM 0.98 or more
for 95 of 100 pictures. With --release, its candidates are judged again with the mark in them:
nothing may change, else the filter has to judge marked pictures.
"""

import argparse
import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from spread_spectrum import embed, scores

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow/scripts"), str(ROOT / "experiments/cone")]

from alterations import jpeg, resized  # noqa: E402

from avatarflow.imaging.phantom.eyes import draw_eyes  # noqa: E402
from avatarflow.imaging.shards import Column, read_pictures  # noqa: E402

KEY = b"the key of the experiment"
THRESHOLD = 5.0  # by Hoeffding at most 3.7 in a million keys
SIZES = (64, 128, 256)
JUDGED = 96  # candidates of a release that are judged again
WANTED = (10.0, 12.0, 16.0)  # scores to embed


def half(picture: np.ndarray) -> np.ndarray:
    """Half the size and back."""
    return resized(resized(picture, len(picture) // 2), len(picture))


def both(picture: np.ndarray) -> np.ndarray:
    """JPEG 80 at half the size, and back."""
    return resized(jpeg(resized(picture, len(picture) // 2), 80), len(picture))


ATTACKS = {
    "none": lambda picture: picture,
    "jpeg_80": lambda picture: jpeg(picture, 80),
    "half_size": half,
    "half_size_jpeg_80": both,
    "jpeg_50": lambda picture: jpeg(picture, 50),
}


def drawn(kind: str, count: int) -> np.ndarray:
    """Generated eyes at 256 px, one of each identity."""
    return draw_eyes(kind, list(range(count)), [0] * count, SIZES[-1], 29)[0]


def photographs(folder: Path, count: int) -> np.ndarray:
    """Real photographs at 256 px, of all data sets of a manifest in turn."""
    files = pd.read_csv(folder / "manifest.csv")["file"]
    files = [folder / name for name in files if (folder / name).is_file()]
    chosen = files[:: max(1, len(files) // count)][:count]
    pictures = [Image.open(path).convert("RGB") for path in chosen]
    side = (SIZES[-1], SIZES[-1])
    return np.stack([np.asarray(one.resize(side, Image.Resampling.LANCZOS)) for one in pictures])


def found(pictures: np.ndarray, wanted: float) -> dict[str, object]:
    """Share found after each attack, and what the mark costs."""
    marked = [embed(picture, KEY, wanted) for picture in pictures]
    result: dict[str, object] = {"score": wanted, "pictures": len(pictures)}
    for name, attack in ATTACKS.items():
        seen = np.array([scores(attack(picture), [KEY])[0] for picture in marked])
        result[name] = {
            "found": float((seen > THRESHOLD).mean()),
            "lowest_score": round(float(seen.min()), 2),
        }
    pairs = list(zip(pictures, marked, strict=True))
    psnr = [peak_signal_noise_ratio(a, b, data_range=255) for a, b in pairs]
    ssim = [structural_similarity(a, b, channel_axis=2, data_range=255) for a, b in pairs]
    for name, values in (("psnr_db", psnr), ("ssim", ssim)):
        result[name] = {
            "median": round(float(np.median(values)), 4),
            "p5": round(float(np.quantile(values, 0.05)), 4),
        }
    return result


def false_alarms(pictures: np.ndarray, keys: int) -> dict[str, object]:
    """How often unmarked pictures score above the threshold, over many keys, as they are and after both attacks."""
    names = [b"key %d" % number for number in range(keys)]
    seen = np.concatenate(
        [scores(one, names) for picture in pictures for one in (picture, both(picture))]
    )
    return {
        "pictures": len(pictures),
        "pairs": len(seen),
        "above": int((seen > THRESHOLD).sum()),
        "highest": round(float(seen.max()), 2),
        "deviation": round(float(seen.std()), 3),
    }


def library(pictures: np.ndarray) -> dict[str, object]:
    """What blind-watermark (DWT, DCT, SVD) reads back of 16 bits: the share of bits that are right, 0.5 by chance."""
    if find_spec("blind_watermark") is None:
        return {"skipped": "pip install --no-deps blind-watermark==0.4.4 pywavelets==1.9.0"}
    from blind_watermark import WaterMark, bw_notes

    bw_notes.close()
    bits = [bool(int(bit)) for bit in "1011001110001011"]
    right: dict[str, list[float]] = {name: [] for name in ATTACKS}
    psnr = []
    for picture in pictures:
        writer = WaterMark(password_img=1, password_wm=1)
        writer.read_img(img=picture[..., ::-1].copy())
        writer.read_wm(bits, mode="bit")
        marked = np.clip(np.rint(writer.embed()), 0, 255).astype(np.uint8)[..., ::-1].copy()
        psnr.append(peak_signal_noise_ratio(picture, marked, data_range=255))
        for name, attack in ATTACKS.items():
            reader = WaterMark(password_img=1, password_wm=1)
            read = reader.extract(
                embed_img=np.ascontiguousarray(attack(marked)[..., ::-1]),
                wm_shape=len(bits),
                mode="bit",
            )
            right[name].append(float(((np.asarray(read) > 0.5) == np.array(bits)).mean()))
    means: dict[str, object] = {
        name: round(float(np.mean(values)), 3) for name, values in right.items()
    }
    return {
        "pictures": len(pictures),
        "right_bits": means,
        "psnr_db": round(float(np.median(psnr)), 2),
    }


def judged_again(release: Path, wanted: float) -> dict[str, object]:
    """Judge a release's student candidates anew, unmarked and marked; what the verifier said of them stays."""
    from avatarflow.privacy.cones.cone import Cones
    from avatarflow.privacy.cones.decide import Candidates, judge
    from avatarflow.privacy.fingerprints.files import encoder_digest
    from avatarflow.privacy.fingerprints.fingerprint import Encoder

    pictures = read_pictures(release / "samples/student/pictures")[:JUDGED]
    marked = np.stack([embed(picture, KEY, wanted) for picture in pictures])
    file = release / "privacy/encoder.safetensors"
    encoder, cones = Encoder.load(file), Cones.read(str(release / "privacy/cones.safetensors"))
    names = [f"{number:06d}" for number in range(len(pictures))]
    tables, rows = [], []
    for place, version in enumerate((pictures, marked)):
        rows.append(encoder.embed(version, 32))
        path = Path("/tmp") / f"judged_again_{place}.parquet"
        refusals = Column(release / "privacy/student.verifier.parquet", "refusal")[slice(0, JUDGED)]
        candidates = Candidates(rows[-1], names, encoder=encoder_digest(file), refusals=refusals)
        judge(candidates, cones, str(path), stage="student")
        tables.append(pd.read_parquet(path))
        path.unlink()
    angle = np.arccos(np.clip((rows[0] * rows[1]).sum(1), -1, 1))
    before, after = tables
    return {
        "score": wanted,
        "candidates": len(pictures),
        "accepted": [int(before["accepted"].sum()), int(after["accepted"].sum())],
        "rejected_now": int((before["accepted"] & ~after["accepted"]).sum()),
        "accepted_now": int((~before["accepted"] & after["accepted"]).sum()),
        "angle_by_the_mark_rad": {"median": float(np.median(angle)), "highest": float(angle.max())},
        "threshold_rad": float(before["threshold_rad"].median()),
        "risk_change": {
            "median": float((after["risk"] - before["risk"]).abs().median()),
            "highest": float((after["risk"] - before["risk"]).abs().max()),
        },
    }


def keep(path: str, result: dict[str, object]) -> None:
    """Write what there is so far: a run of all takes an hour on a busy machine."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(result, indent=1) + "\n")


def main() -> None:
    """Measure all, and write it as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--release", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--real", type=int, default=100)
    parser.add_argument("--keys", type=int, default=100)
    given, began = parser.parse_args(), time.time()
    sources = {kind: drawn(kind, given.count) for kind in ("fundus", "iris")}
    if given.photographs:
        sources["photographs"] = photographs(given.photographs, given.real)
    result: dict[str, object] = {"threshold": THRESHOLD, "attacks": list(ATTACKS)}
    for size in SIZES:
        for name, pictures in sources.items():
            here = np.stack([resized(picture, size) for picture in pictures])
            part = {
                "false_alarms": false_alarms(here, given.keys),
                "marked": [found(here[: given.count], wanted) for wanted in WANTED],
            }
            part["blind_watermark"] = library(here[:20])
            result[f"{name} {size} px"] = part
            keep(given.out, result)
            print(
                size,
                name,
                json.dumps(part["false_alarms"]),
                f"{time.time() - began:.0f} s",
                flush=True,
            )
            print("  ", json.dumps(part["blind_watermark"]))
            for row in part["marked"]:
                print("  ", json.dumps(row), flush=True)
    if given.release:
        released = read_pictures(given.release / "release/data")
        result["release, false alarms"] = false_alarms(released, given.keys)
        result["release, marked"] = [found(released[: given.count], wanted) for wanted in WANTED]
        result["release, judged again"] = judged_again(given.release, WANTED[1])
        print(json.dumps({k: v for k, v in result.items() if k.startswith("release")}), flush=True)
    keep(given.out, result)


if __name__ == "__main__":
    main()
