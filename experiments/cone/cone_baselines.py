#!/usr/bin/env python3
r"""The cone beside every baseline on real eyes: specificity at equal sensitivity, over random splits of the persons.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/cone_baselines.py results/releases/fundus \
        --encoders results/releases/fundus/privacy/encoder.safetensors OTHER.safetensors ... --splits 10

Needs the pool of a finished entry and encoders that were trained on its persons of role `encoder` (fit_encoders.py).
The other persons are halved once. On the first half, with the first encoder alone, the cone's beta, k and density are
chosen: those with the largest mean specificity at 99, 99.5 and 99.9 % sensitivity. On the second half, with every
encoder, the cone of that shape is compared with its baselines: its persons are divided anew into calibration persons,
test persons and held-out subjects in every split. Everybody who is not held out in a split is in its gallery.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.intake.patients.persons import assign_roles
from avatarflow.privacy.fingerprints.files import encoder_digest, load_rows, save_rows

SHARES = {"encoder": 0.0, "calibration": 0.385, "test": 0.23, "heldout": 0.385}
BETAS, NEIGHBOURS, DENSITIES = (0.0, 0.2, 0.35, 0.5), (1, 3, 5, 10, 30), ("original", "picture")
LEVELS, DRAWS = ["99.0%", "99.5%", "99.9%"], 4
RESULTS = Path(__file__).parent / "results"


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("entry", type=Path, help="folder with the pool/ of an entry")
    parser.add_argument(
        "--encoders", type=Path, nargs="+", required=True, help="the first one chooses beta and k"
    )
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--work", type=Path, default=Path("/tmp/cone_baselines"), help="fingerprints are kept there"
    )
    parser.add_argument("--out", type=Path, default=RESULTS / "baselines_fundus.json")
    parser.add_argument("--embed", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def embed(args, path):
    """Fingerprints of every picture and of its perturbations, for R and to judge (torch, no faiss)."""
    import torch

    from avatarflow.privacy.fingerprints.fingerprint import Encoder, embed_altered
    from avatarflow.privacy.perturbations import Drawn

    torch.set_num_threads(1)
    encoder, table = Encoder.load(path), read_table(args.entry / "pool/pictures")
    pictures, items = read_pictures(args.entry / "pool/pictures"), table["item"].to_numpy()
    folder = args.work / encoder.digest
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("own", "calibration", "originals"):
        if not (folder / f"{name}.safetensors").is_file():
            drawn = Drawn(encoder.settings["families"], DRAWS, args.seed, name)
            made = (
                encoder.embed(pictures)
                if name == "originals"
                else embed_altered(encoder, pictures, items, drawn)
            )
            save_rows(folder / f"{name}.safetensors", made, encoder.digest)


def whole(args, path):
    """Originals, perturbations for R and perturbations to judge, of every picture; rows as in the pool."""
    digest = encoder_digest(path)
    folder = args.work / digest
    if not (folder / "originals.safetensors").is_file():  # torch and faiss do not share a process
        command = [
            sys.executable,
            __file__,
            str(args.entry),
            "--encoders",
            str(path),
            "--embed",
            str(path),
        ]
        subprocess.run([*command, "--seed", str(args.seed), "--work", str(args.work)], check=True)
    return [
        np.asarray(load_rows(folder / f"{n}.safetensors", digest))
        for n in ("originals", "own", "calibration")
    ]


def halves(table):
    """Which pictures are of the persons who choose, and which of those who judge."""
    unseen = (table["role"] != "encoder").to_numpy()
    persons = table["person"].to_numpy()
    everyone = np.random.default_rng(7).permutation(np.unique(persons[unseen]))
    chooses = unseen & np.isin(persons, everyone[: len(everyone) // 2])
    return chooses, unseen & ~chooses


def roles(table, half, number):
    """Who is in the gallery of a split, and everybody's role in it."""
    role = np.full(len(table), "gallery", dtype=object)
    role[half] = assign_roles(table["person"].to_numpy()[half], SHARES, number)
    return role != "heldout", role


def one_split(table, fingerprints, half, shape, number):
    """The comparison of one split."""
    from avatarflow.privacy.baselines.compare import People, compare
    from avatarflow.privacy.baselines.neighbourhood import Originals
    from avatarflow.privacy.cones.cone import uncalibrated

    originals, own, judged = fingerprints
    persons, rows = table["person"].to_numpy(), table["row"].to_numpy()
    gallery, role = roles(table, half, number)

    def altered(which):
        chosen = role == which
        return People(
            judged[chosen].reshape(-1, judged.shape[2]), np.repeat(persons[chosen], judged.shape[1])
        )

    cones = uncalibrated(originals[gallery], persons[gallery], rows[gallery], own[gallery], shape)
    held_out = People(originals[~gallery], persons[~gallery])
    found = compare(
        Originals.of(cones, persons[gallery]),
        altered("calibration"),
        altered("test"),
        held_out,
        number,
    )
    return found.assign(split=number)


def choose(table, fingerprints, half, splits):
    """The shape with the largest mean specificity on the half that chooses, and the figures of all."""
    from avatarflow.privacy.baselines.compare import at_level
    from avatarflow.privacy.cones.cone import Shape, needed_scales, uncalibrated

    originals, own, judged = fingerprints
    persons, rows, found = table["person"].to_numpy(), table["row"].to_numpy(), []
    for number in range(1, splits + 1):
        gallery, role = roles(table, half, number)
        altered = judged[role == "calibration"].reshape(-1, judged.shape[2])
        for k in NEIGHBOURS:
            cones = uncalibrated(
                originals[gallery], persons[gallery], rows[gallery], own[gallery], Shape(k)
            )
            for beta, density in product(BETAS, DENSITIES):
                shaped = replace(cones, shape=Shape(k, beta, density=density))
                needed, passing = (
                    needed_scales(shaped, altered),
                    needed_scales(shaped, originals[~gallery]),
                )
                share = np.mean(
                    [
                        (passing > at_level(needed, float(level[:-1]) / 100)).mean()
                        for level in LEVELS
                    ]
                )
                found.append({"density": density, "beta": beta, "k": k, "specificity": share})
    mean = pd.DataFrame(found).groupby(["density", "beta", "k"])["specificity"].mean()
    density, beta, k = mean.idxmax()
    return Shape(int(k), float(beta), density=density), mean.reset_index()


def summarised(table):
    """Means over splits and encoders, and in how many of them a rule accepted more held-out pictures than the cone."""
    table = table.assign(
        baseline_ahead=table["ahead"] < 0,
        baseline_beyond=table["ahead_high"] < 0,
        sure=table["ahead_low"] > 0,
    )
    groups = table.groupby(["level", "rule"], sort=False)
    found = groups[["sensitivity", "specificity", "ahead"]].mean()
    found["lowest_specificity"], found["highest_specificity"] = (
        groups["specificity"].min(),
        groups["specificity"].max(),
    )
    found["baseline_ahead"], found["baseline_ahead_beyond_interval"], found["cone_ahead_beyond_interval"] = (
        groups["baseline_ahead"].sum(), groups["baseline_beyond"].sum(), groups["sure"].sum())  # fmt: skip
    return found.reset_index()


def main():
    """The command."""
    args = arguments()
    if args.embed:
        embed(args, args.embed)
        return
    table = read_table(args.entry / "pool/pictures")
    chooses, judges = halves(table)
    shape, plane = choose(table, whole(args, args.encoders[0]), chooses, args.splits)
    parts = []
    for number, path in enumerate(args.encoders, start=1):
        fingerprints = whole(args, path)
        each = [one_split(table, fingerprints, judges, shape, n) for n in range(1, args.splits + 1)]
        parts.append(pd.concat(each).assign(encoder=number))
    found = pd.concat(parts)
    summary = summarised(found)
    print(f"chosen: beta {shape.beta}, k {shape.k}, density at the {shape.density}")
    print(summary.round(4).to_string())
    plain = {
        "splits": args.splits, "encoders": len(args.encoders), "unit": "mostly eyes", "beta": shape.beta, "k": shape.k,
        "density": shape.density,
        "choosing_persons": int(table["person"][chooses].nunique()),
        "judging_persons": int(table["person"][judges].nunique()),
        "choosing": json.loads(plane.to_json(orient="records")),
        "mean": json.loads(summary.to_json(orient="records")), "each": json.loads(found.to_json(orient="records")),
    }  # fmt: skip
    args.out.parent.mkdir(exist_ok=True)
    args.out.write_text(json.dumps(plain, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
