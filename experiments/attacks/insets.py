"""Count how many originals shrunk onto another ground each kind of evidence rejects, with the filter of a release.

    PYTHONPATH=workflow/scripts python experiments/attacks/insets.py results/releases/eyes --out insets.json

One original of each test patient, at several sizes, in the middle of: black; noise of all levels;
faint noise around the original's mean colour; a held-out patient's picture. A frame of one colour
is cut away before a fingerprint is made (decision 0057); the others are not.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from avatarflow.core.arrays import Pictures
from avatarflow.core.paths import write_json
from avatarflow.core.statistics import clopper_pearson
from avatarflow.imaging.shards import read_table
from avatarflow.imaging.spool import Chosen, spooled
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.fingerprints.fingerprint import Encoder
from avatarflow.privacy.verifier import matcher
from avatarflow.privacy.verifier.trial import threshold, with_all_others
from avatarflow.privacy.verifier.verify import Verifier
from avatarflow.runs.context import Step

SHARES = (0.8, 0.7, 0.6, 0.5)
FAINT_LEVELS = 25
FALSE_MATCHES = 0.01  # `verifier.false_match_rate` of the demonstration
NEAREST = 20
SEED = 7

Ground = Callable[[Pictures], Pictures]


def main() -> None:
    """Print and write the share of test patients whose inset is rejected, by ground and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    release, drawn = options.release, np.random.default_rng(SEED)
    table, pictures = read_table(release / "pool/pictures"), spooled(release / "pool/pictures")
    role = table["role"].to_numpy()
    tested = table[role == "test"].drop_duplicates("person").index.to_numpy()
    held_out = np.flatnonzero(role == "heldout")
    privacy = release / "privacy"
    match = matcher("keypoints")
    # set anew, since the release may be older than the matcher
    others = with_all_others(match, pictures, table, SEED, Step.null())
    limit = threshold(others, FALSE_MATCHES)
    print("threshold", limit)
    verifier = Verifier(
        Cones.read(privacy / "cones.safetensors"),
        Chosen(pictures, np.flatnonzero(role != "heldout")),
        match,
        NEAREST,
        limit,
    )
    encoder = Encoder.load(privacy / "encoder.safetensors")
    grounds: dict[str, Ground] = {
        "black": np.zeros_like,
        "noise": lambda one: drawn.integers(0, 256, one.shape, dtype=np.uint8),
        "faint noise": lambda one: (
            (one.mean((0, 1)) + drawn.normal(0, FAINT_LEVELS, one.shape))
            .clip(0, 255)
            .astype(np.uint8)
        ),
        "held-out picture": lambda _: np.array(pictures[int(drawn.choice(held_out))]),
    }
    rows = []
    for name, ground in grounds.items():
        for share in SHARES:
            insets = np.stack(
                [inset(np.array(pictures[int(row)]), share, ground) for row in tested]
            )
            found = verifier.verify(insets, np.asarray(encoder.embed(insets), np.float32))
            matched = found.similarity > limit
            either = int((found.rejected | matched).sum())
            low, high = clopper_pearson(either, len(tested))
            rows.append(
                {
                    "ground": name, "side": share, "patients": len(tested), "cones": int(found.rejected.sum()),
                    "keypoints": int(matched.sum()), "rejected": either, "low": low, "high": high,
                }
            )  # fmt: skip
            print(*rows[-1].values(), sep="\t", flush=True)
    if options.out:
        write_json(options.out, rows)


def inset(picture: Pictures, share: float, ground: Ground) -> Pictures:
    """Return the picture shrunk to a share of its side, in the middle of a ground of its size."""
    side = round(share * len(picture))
    begin = (len(picture) - side) // 2
    out = ground(picture).copy()
    out[begin : begin + side, begin : begin + side] = cv2.resize(
        picture, (side, side), interpolation=cv2.INTER_AREA
    )
    return out


if __name__ == "__main__":
    main()
