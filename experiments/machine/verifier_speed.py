#!/usr/bin/env python3
"""What the keypoint verifier costs a candidate that matches nobody, beside plain SIFT and RANSAC.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/machine/verifier_speed.py

Generated eyes of 64 px. The verifier asks all originals about 13 variants of a candidate in four
views; plain SIFT is OpenCV's, of the enlarged candidate as it is, matched by brute force with the
ratio test against one original after the other. Wall and processor seconds, by threads; run it on
a quiet machine. Writes results/verifier_speed.json.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import faiss
import numpy as np

from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.privacy.verifier import MATCHERS
from avatarflow.privacy.verifier.keypoint_votes import indexed

RESULT = Path(__file__).parent / "results" / "verifier_speed.json"
SIDE, ENLARGED, RATIO, PLAIN = 64, 256, 0.75, 5


def timed(work, count: int) -> dict[str, float]:
    """Return seconds for each of so many."""
    wall, processor = time.monotonic(), time.process_time()
    work()
    spent = (time.monotonic() - wall, time.process_time() - processor)
    return dict(zip(("wall_s", "processor_s"), (each / count for each in spent), strict=True))


class PlainSift:
    """Count the keypoints that a candidate shares with every original in one arrangement."""

    def __init__(self, originals: np.ndarray) -> None:
        self.sift, self.matcher = cv2.SIFT.create(contrastThreshold=0.01), cv2.BFMatcher()
        self.known = [self.keypoints(picture) for picture in originals]

    def keypoints(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (k, 2) and descriptors (k, 128)."""
        large = cv2.resize(picture, (ENLARGED, ENLARGED), interpolation=cv2.INTER_CUBIC)
        found, rows = self.sift.detectAndCompute(large, None)
        return np.array([each.pt for each in found]), rows

    def ask(self, picture: np.ndarray) -> int:
        """Return the largest count."""
        points, rows = self.keypoints(picture)
        most = 0
        for others, their_rows in self.known:
            pairs = self.matcher.knnMatch(rows, their_rows, k=2)
            good = [one for one, two in pairs if one.distance < RATIO * two.distance]
            if len(good) >= 3:
                ours = np.array([points[each.queryIdx] for each in good])
                theirs = np.array([others[each.trainIdx] for each in good])
                _, agree = cv2.estimateAffinePartial2D(ours, theirs, method=cv2.RANSAC)
                most = max(most, int(agree.sum()))
        return most


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--originals", type=int, default=500)
    parser.add_argument("--candidates", type=int, default=30)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    count = args.originals + args.candidates
    eyes = draw_eyes("fundus", [2 * person for person in range(count)], [0] * count, SIDE, 3)[0]
    originals, asked = eyes[: args.originals], eyes[args.originals :]
    match, found = MATCHERS["keypoints"], {"originals": args.originals, "candidates": len(asked)}
    for threads in args.threads:
        faiss.omp_set_num_threads(threads)
        index = indexed(match, originals)
        found["descriptors"] = len(index.descriptors)
        found[f"verifier, {threads} threads"] = timed(
            lambda index=index: index.most_alike([*map(match.of_candidate, asked)]), len(asked)
        )
    plain = PlainSift(originals)
    found["plain SIFT, 1 thread"] = timed(lambda: [*map(plain.ask, asked[:PLAIN])], PLAIN)
    print(json.dumps(found, indent=1))
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
