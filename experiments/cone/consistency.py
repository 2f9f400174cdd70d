#!/usr/bin/env python3
"""Do encoders of other seeds judge alike? Cohen's kappa of the decisions on samples and on held-out subjects.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/consistency.py \
        results/releases/fundus --encoders A B C

Each encoder (fit_encoders.py) calibrates its own cones on the same persons; the same pictures are
judged: samples of the entry's teacher and real pictures of its held-out subjects. Kappa says
something only where both decisions are common, so the share of rejected pictures stands beside it.
Intervals: bootstrap over pictures (samples) and persons (held-out subjects).
"""

import argparse
import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
from cone_baselines import whole
from default_cone import default_shape

from avatarflow.imaging.shards import iterate, read_table
from avatarflow.privacy.fingerprints.files import encoder_digest, load_rows, save_rows

MODES = (("reject-all", 0.05), ("conformal", 0.02), ("conformal", 0.05))
RESULTS = Path(__file__).parent / "results" / "consistency.json"


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "entry", type=Path, help="folder with pool/ and samples/teacher/ of an entry"
    )
    parser.add_argument("--encoders", type=Path, nargs="+", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--work", type=Path, default=Path("/tmp/cone_baselines"), help="fingerprints are kept there"
    )
    parser.add_argument("--embed", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def embed(args, path):
    """Fingerprints of the teacher's samples (torch, no faiss)."""
    import torch

    from avatarflow.privacy.fingerprints.fingerprint import Encoder

    torch.set_num_threads(1)
    encoder = Encoder.load(path)
    made = encoder.embed(iterate(args.entry / "samples/teacher/pictures"))
    save_rows(args.work / encoder.digest / "teacher.safetensors", made, encoder.digest)


def samples(args, path):
    """The samples' fingerprints, made where they are not there yet."""
    digest = encoder_digest(path)
    file = args.work / digest / "teacher.safetensors"
    if not file.is_file():
        command = [
            sys.executable,
            __file__,
            str(args.entry),
            "--encoders",
            str(path),
            "--embed",
            str(path),
        ]
        subprocess.run([*command, "--work", str(args.work)], check=True)
    return np.asarray(load_rows(file, digest))


def decisions(args, path, table):
    """Which samples and which held-out subjects' pictures the cones of one encoder reject, per mode."""
    from avatarflow.privacy.cones.calibration import perturbed_of
    from avatarflow.privacy.cones.cone import calibrate, uncalibrated
    from avatarflow.privacy.cones.decide import risks

    originals, own, judged = whole(args, path)
    role, made = table["role"].to_numpy(), samples(args, path)
    gallery = role != "heldout"
    trained = table[gallery]
    cones = uncalibrated(
        originals[gallery],
        trained["person"].to_numpy(),
        trained["row"].to_numpy(),
        own[gallery],
        default_shape(),
    )
    draws, whose = perturbed_of(judged[role == "calibration"], table, "calibration")
    found = {}
    for mode, alpha in MODES:
        done, _ = calibrate(cones, draws, whose, mode, alpha)
        pictures = np.concatenate([made, originals[~gallery]])
        found[mode if mode == "reject-all" else f"{mode} {alpha}"] = risks(pictures, done) <= 1
    return found


def kappa(a, b):
    """Cohen 1960: agreement beyond chance of two decisions, over what chance leaves room for."""
    agreed, by_chance = (a == b).mean(), a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    return (agreed - by_chance) / (1 - by_chance) if by_chance < 1 else np.nan


def agreement(rejected, groups):
    """Pairwise kappa with a bootstrap over groups, and the share each encoder rejects."""
    rng, members = (
        np.random.default_rng(1),
        [np.flatnonzero(groups == each) for each in np.unique(groups)],
    )
    resamples = [
        np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        for _ in range(500)
    ]
    pairs = []
    for a, b in combinations(range(len(rejected)), 2):
        drawn = [kappa(rejected[a][rows], rejected[b][rows]) for rows in resamples]
        low, high = np.nanquantile(drawn, [0.025, 0.975])
        value = kappa(rejected[a], rejected[b])
        pairs.append({"encoders": [a + 1, b + 1], "kappa": value, "low": low, "high": high})
    mean = float(np.mean([pair["kappa"] for pair in pairs]))
    return {
        "pairs": pairs,
        "mean": mean,
        "rejected": [float(each.mean()) for each in rejected],
        "n": len(groups),
    }


def main():
    """The command."""
    args = arguments()
    if args.embed:
        embed(args, args.embed)
        return
    table = read_table(args.entry / "pool/pictures")
    each = [decisions(args, path, table) for path in args.encoders]
    held_out = table.loc[table["role"] == "heldout", "person"].to_numpy()
    count = len(next(iter(each[0].values()))) - len(held_out)
    groups = np.r_[-1 - np.arange(count), held_out]  # every sample stands for itself
    parts = {"all": slice(None), "samples": slice(0, count), "held_out": slice(count, None)}
    found = {
        mode: {
            name: agreement([own[mode][part] for own in each], groups[part])
            for name, part in parts.items()
        }
        for mode in each[0]
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    for mode, figures in found.items():
        for name, row in figures.items():
            print(
                f"{mode:15s} {name:10s} kappa {row['mean']:.3f} n {row['n']} rejected {np.round(row['rejected'], 3)}"
            )


if __name__ == "__main__":
    main()
