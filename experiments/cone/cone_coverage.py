#!/usr/bin/env python3
"""Whether the cone keeps its promise on persons nobody has seen: a fresh population in every repetition.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/cone_coverage.py

Every repetition draws new persons: those who calibrate, those who test (all in the gallery), and held-out ones. Two
small encoders, trained on other persons, take turns. For each mode the mean share of test persons with an accepted
perturbation must not lie above what the calibration promises (its 99 % interval over repetitions reaches down to it),
and in at least 90 % of the repetitions the number missed must lie under the 95 % bound of the beta-binomial law.

What it shows: with clipping, the union of all cones and the density in force, the order statistic of the calibration
persons bounds what fresh persons of the same population lose. What it does not show: that an encoder is of use, since
the law holds for fingerprints of pure noise as well, which keep the promise by rejecting everybody. So the share of
held-out persons accepted stands beside it, and that of noise. Nor does it show that real patients are exchangeable;
the margin and the verifier are not in it.

Two controls must come out, else the script ends with an error: test persons altered twice, one perturbation after the
other, must break the promise, and noise must accept fewer held-out persons than the encoders do.
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
SEED, TRAINED, ENCODERS = 7, 64, 2
PERSONS = {"calibration": 100, "test": 40, "heldout": 20}
OWN, DRAWS = 1, 2  # perturbations of a family, for own radii and to calibrate and test
ASKED = [("reject-all", 0.05), ("conformal", 0.02)]
RESULTS = Path(__file__).parent / "results"


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--embed", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def embed(folder, repetitions):
    """Train the encoders, and embed the persons of every repetition with their perturbations (torch, no faiss)."""
    import torch

    from avatarflow.privacy.fingerprints.fingerprint import embed_altered, fit_encoder
    from avatarflow.privacy.perturbations import Drawn
    from avatarflow.runs.context import Step

    torch.set_num_threads(1)
    encoders = []
    for number in range(ENCODERS):
        pictures, state = population(SEED + number, TRAINED), folder / f"state{number}"
        who = np.arange(TRAINED)
        encoders.append(fit_encoder(pictures, who, SETTINGS, SEED + number, state, Step.null()))
    calibrating, gallery = PERSONS["calibration"], PERSONS["calibration"] + PERSONS["test"]
    for number in range(repetitions):
        encoder = encoders[number % ENCODERS]
        pictures = population(1000 + number, sum(PERSONS.values()))
        items, known = np.arange(gallery), pictures[:gallery]
        own, draws = (
            embed_altered(encoder, known, items, Drawn(FAMILIES, count, number, purpose))
            for purpose, count in (("own", OWN), ("calibration", DRAWS))
        )
        again = altered_twice(known[calibrating:], items[calibrating:], number)
        broken = encoder.embed(again.reshape(-1, *known.shape[1:]))
        np.savez(
            folder / f"{number}.npz",
            plain=encoder.embed(pictures),
            own=own,
            draws=draws,
            broken=broken.reshape(PERSONS["test"], -1, broken.shape[1]),
        )


def population(seed, persons):
    """One photograph of the right eye of each person of a population."""
    from avatarflow.imaging.phantom.eyes import draw_eyes

    eyes = [2 * person for person in range(persons)]
    return draw_eyes("fundus", eyes, [0] * persons, SETTINGS["size_px"], seed)[0]


def altered_twice(pictures, items, seed):
    """(n, a, h, w, 3) pictures altered by each family and then by the next one: what nothing was calibrated on."""
    from avatarflow.privacy.perturbations import alter

    out = []
    for one, other in zip(FAMILIES, [*FAMILIES[1:], FAMILIES[0]], strict=True):
        first = alter(pictures, one, DRAWS, seed, items, "calibration")
        twice = alter(first, other, 1, seed, np.repeat(items, DRAWS) * DRAWS, "twice")
        out.append(twice.reshape(len(pictures), DRAWS, *pictures.shape[1:]))
    return np.concatenate(out, axis=1)


def promise(mode, alpha, n, tested):
    """What a calibration on n persons promises, and the most that may be missed among `tested`, 95 % of the time."""
    from avatarflow.privacy.cones.coverage import conformal_coverage, reject_all_coverage

    coverage = reject_all_coverage(n) if mode == "reject-all" else conformal_coverage(n, alpha)
    rank = coverage.rank
    return coverage, int(stats.betabinom.ppf(0.95, tested, n + 1 - rank, rank))


def repetition(rows, mode, alpha):
    """Persons missed, those missed when altered twice, and the share of held-out pictures accepted."""
    from default_cone import default_shape

    from avatarflow.privacy.cones.cone import calibrate, uncalibrated
    from avatarflow.privacy.cones.decide import miss_rate, risks

    n, gallery = PERSONS["calibration"], PERSONS["calibration"] + PERSONS["test"]
    numbers, size = np.arange(gallery), rows["plain"].shape[1]
    known = rows["plain"][:gallery]
    cones = uncalibrated(known, numbers, numbers + 1, rows["own"], default_shape())

    def flat(draws, who):
        return draws.reshape(-1, size), np.repeat(who, draws.shape[1])

    ready, _ = calibrate(cones, *flat(rows["draws"][:n], numbers[:n]), mode, alpha)
    missed = [
        round(miss_rate(ready, *flat(draws, numbers[n:])).value * PERSONS["test"])
        for draws in (rows["draws"][n:], rows["broken"])
    ]
    return (*missed, float((risks(rows["plain"][gallery:], ready) > 1).mean()))


def noise(rows, seed):
    """The same rows, each replaced by a direction drawn at random."""
    drawn = np.random.default_rng([SEED, seed])
    out = {}
    for name, each in rows.items():
        random = drawn.standard_normal(each.shape).astype(np.float32)
        out[name] = random / np.linalg.norm(random, axis=-1, keepdims=True)
    return out


def judged(missed, coverage, bound):
    """The mean share missed with its interval over repetitions, and whether it keeps the promise."""
    shares = np.array(missed) / PERSONS["test"]
    reach = stats.norm.ppf(0.995) * shares.std(ddof=1) / np.sqrt(len(shares))
    under = int((np.array(missed) <= bound).sum())
    kept = shares.mean() - reach <= coverage.mean_miss and under >= 0.9 * len(shares)
    return {
        "mean_miss": float(shares.mean()), "mean_miss_low_99": float(shares.mean() - reach),
        "mean_miss_high_99": float(shares.mean() + reach), "repetitions_within_bound": under,
        "kept": bool(kept), "missed": missed,
    }  # fmt: skip


def experiment(all_rows, mode, alpha):
    """All repetitions of one mode, with its controls."""
    coverage, bound = promise(mode, alpha, PERSONS["calibration"], PERSONS["test"])
    real = [repetition(rows, mode, alpha) for rows in all_rows]
    blind = [repetition(noise(rows, seed), mode, alpha) for seed, rows in enumerate(all_rows)]
    return {
        "mode": mode, "alpha": alpha if mode == "conformal" else None, "persons": PERSONS,
        "perturbations_of_a_person": len(FAMILIES) * DRAWS, "repetitions": len(all_rows),
        "promised_mean_miss": coverage.mean_miss, "bound_missed": bound,
        "fresh": judged([each[0] for each in real], coverage, bound),
        "altered_twice": judged([each[1] for each in real], coverage, bound),
        "noise": judged([each[0] for each in blind], coverage, bound),
        "held_out_accepted": float(np.mean([each[2] for each in real])),
        "held_out_accepted_by_noise": float(np.mean([each[2] for each in blind])),
    }  # fmt: skip


def faults(found):
    """What did not come out as it must."""
    for each in found:
        if not each["fresh"]["kept"]:
            yield f"{each['mode']}: the promise is not kept"
        if each["altered_twice"]["kept"]:
            yield f"{each['mode']}: test persons altered twice do not show"
        if not each["held_out_accepted"] > each["held_out_accepted_by_noise"]:
            yield f"{each['mode']}: noise accepts as many held-out persons as the encoders"


def main():
    """The command."""
    args = arguments()
    if args.embed:
        embed(args.embed, args.repetitions)
        return
    with tempfile.TemporaryDirectory() as name:
        folder, command = (
            Path(name),
            [sys.executable, __file__, "--repetitions", str(args.repetitions), "--embed", name],
        )
        subprocess.run(command, check=True)  # torch and faiss do not share a process
        all_rows = [dict(np.load(folder / f"{n}.npz")) for n in range(args.repetitions)]
    found = [experiment(all_rows, mode, alpha) for mode, alpha in ASKED]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "cone_coverage.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    for each in found:
        parts = ("fresh", "altered_twice", "noise")
        short = {name: {**each[name], "missed": None} for name in parts}
        print(json.dumps({**each, **short}))
    if wrong := list(faults(found)):
        raise SystemExit("; ".join(wrong))


if __name__ == "__main__":
    main()
