#!/usr/bin/env python3
"""Whether the cone keeps its promise: generated eyes, one fixed encoder, 100 random splits of persons.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/cone_coverage.py

Persons with known identity are divided at random into as many test as calibration persons, with as
many draws each; all are in the gallery. The mean share of test persons missed must not lie above
what the calibration promises (its 99 % interval over splits reaches down to it), and in at least 90
of 100 splits the number missed must lie under the 95 % bound that the beta-binomial law gives for
so many test persons.

This shows that the calibration does what its theorem says. It exchanges the persons of one population,
so fingerprints of pure noise would pass as well; fresh persons are not drawn.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy import stats

FAMILIES = [
    "rotation",
    "shift",
    "crop",
    "brightness",
    "contrast",
    "colour",
    "blur",
    "noise",
    "jpeg",
    "occlusion",
]
SETTINGS = {
    "size_px": 32,
    "width": 8,
    "dimensions": 48,
    "steps": 80,
    "persons_per_step": 32,
    "families": FAMILIES,
}
SEED, TRAINED, DRAWS = 7, 64, 4
RESULTS = Path(__file__).parent / "results"


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--persons", type=int, default=300, help="half calibrate, half test")
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument("--embed", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def embed(folder, persons):
    """Draw eyes, train the encoder on some, and embed the others with their perturbations (torch, no faiss)."""
    import torch

    from avatarflow.imaging.phantom.eyes import draw_eyes
    from avatarflow.privacy.fingerprints.fingerprint import embed_altered, fit_encoder
    from avatarflow.privacy.perturbations import Drawn
    from avatarflow.runs.context import Step

    torch.set_num_threads(1)
    everyone = np.arange(TRAINED + persons)
    pictures, _ = draw_eyes(
        "fundus", list(2 * everyone), [0] * len(everyone), SETTINGS["size_px"], SEED
    )
    encoder = fit_encoder(
        pictures[:TRAINED], everyone[:TRAINED], SETTINGS, SEED, folder / "state", Step.null()
    )
    rest = pictures[TRAINED:]
    np.save(folder / "originals.npy", encoder.embed(rest))
    for purpose in ("own", "calibration"):
        drawn = Drawn(FAMILIES, DRAWS, SEED, purpose)
        rows = embed_altered(encoder, rest, everyone[TRAINED:], drawn)
        np.save(folder / f"{purpose}.npy", rows)


def promise(mode, alpha, n):
    """What a calibration on n persons promises, and the most that may be missed among n others, 95 % of the time."""
    from avatarflow.privacy.cones.coverage import conformal_coverage, reject_all_coverage

    coverage = reject_all_coverage(n) if mode == "reject-all" else conformal_coverage(n, alpha)
    return coverage, int(stats.betabinom.ppf(0.95, n, n + 1 - coverage.rank, coverage.rank))


def experiment(cones, draws, mode, alpha, splits):
    """Misses over random splits: the order statistic of one half, the other half held against it."""
    from avatarflow.privacy.cones.cone import calibrate, needed_scales
    from avatarflow.privacy.cones.decide import miss_rate

    persons, half = len(draws), len(draws) // 2
    needed = needed_scales(cones, draws.reshape(-1, draws.shape[2])).reshape(persons, -1).max(1)
    coverage, bound = promise(mode, alpha, half)
    missed = []
    for split in range(splits):
        order = np.random.default_rng([SEED, split]).permutation(persons)
        one, other = order[:half], order[half:]
        c = np.sort(needed[one])[coverage.rank - 1]
        missed.append(int((needed[other] > c).sum()))
        if split < 3:  # the whole way, to show that the short one is the same
            flat, who = draws[one].reshape(-1, draws.shape[2]), np.repeat(one, draws.shape[1])
            ready, _ = calibrate(cones, flat, who, mode, alpha)
            judged = draws[other].reshape(-1, draws.shape[2])
            share = miss_rate(ready, judged, np.repeat(other, draws.shape[1]))
            if ready.c != c or round(share.value * half) != missed[-1]:
                raise SystemExit(f"split {split}: calibrate and the order statistic disagree")
    shares = np.array(missed) / half
    reach = stats.norm.ppf(0.995) * shares.std(ddof=1) / np.sqrt(splits)
    under = int((np.array(missed) <= bound).sum())
    return {
        "mode": mode, "alpha": alpha if mode == "conformal" else None, "calibration_persons": half,
        "test_persons": persons - half, "draws_per_person": int(draws.shape[1]), "splits": splits,
        "promised_mean_miss": coverage.mean_miss, "mean_miss": float(shares.mean()),
        "mean_miss_low_99": float(shares.mean() - reach), "mean_miss_high_99": float(shares.mean() + reach),
        "bound_missed": bound, "splits_within_bound": under, "missed": missed,
        "mean_kept": bool(shares.mean() - reach <= (alpha if mode == "conformal" else coverage.mean_miss)),
        "bound_kept": under >= 0.9 * splits,
    }  # fmt: skip


def main():
    """The command."""
    args = arguments()
    if args.embed:
        embed(args.embed, args.persons)
        return
    with tempfile.TemporaryDirectory() as name:
        folder, command = (
            Path(name),
            [sys.executable, __file__, "--persons", str(args.persons), "--embed", name],
        )
        subprocess.run(command, check=True)  # torch and faiss do not share a process
        originals, own, draws = (
            np.load(folder / f"{part}.npy") for part in ("originals", "own", "calibration")
        )
    from default_cone import default_shape

    from avatarflow.privacy.cones.cone import uncalibrated

    numbers = np.arange(args.persons)
    cones = uncalibrated(originals, numbers, numbers + 1, own, default_shape())
    asked = [("reject-all", 0.05), ("conformal", 0.02), ("conformal", 0.05), ("conformal", 0.1)]
    found = [experiment(cones, draws, mode, alpha, args.splits) for mode, alpha in asked]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "cone_coverage.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    for each in found:
        print({key: value for key, value in each.items() if key != "missed"})


if __name__ == "__main__":
    main()
