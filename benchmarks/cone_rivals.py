#!/usr/bin/env python3
"""The cone beside every rival on real eyes: specificity at equal sensitivity, over random splits of the persons.

    PYTHONPATH=workflow/scripts .venv/bin/python benchmarks/cone_rivals.py results/releases/fundus --splits 10

Needs the fingerprints of a finished entry. The encoder stays as it is; the persons who did not train it are divided
anew into calibration persons, test persons and strangers, and gallery, radii, sparsity and thresholds follow. The
originals of the encoder's persons are in every gallery.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.intake.persons import assign_roles
from avatarflow.privacy.files import encoder_digest, load_rows, save_rows

SHARES = {"encoder": 0.0, "calibration": 0.385, "test": 0.23, "heldout": 0.385}
RESULTS = Path(__file__).parent / "results"
FIGURES = ["threshold", "sensitivity", "specificity", "specificity_low", "specificity_high", "ahead", "ahead_low"]


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entry", type=Path, help="folder with pool/ and privacy/ of an entry")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="that of the entry's run")
    parser.add_argument("--out", type=Path, default=RESULTS / "rivals_fundus.json")
    parser.add_argument("--embed", action="store_true", help="only make the missing fingerprints (torch, no faiss)")
    return parser.parse_args()


def embed(entry, seed):
    """Alterations that the entry never needed: of strangers for R, of test persons and strangers to judge."""
    import torch

    from avatarflow.privacy.fingerprint import Encoder, embed_altered

    torch.set_num_threads(1)
    encoder, table = Encoder.load(entry / "privacy/encoder.safetensors"), read_table(entry / "pool/pictures")
    pictures, families = read_pictures(entry / "pool/pictures"), encoder.settings["families"]
    own = load_rows(entry / "privacy/alterations.own.safetensors", encoder.digest)
    draws = own.shape[1] // len(families)
    role = table["role"]
    for purpose, chosen in (("own", role == "heldout"), ("calibration", role.isin(["test", "heldout"]))):
        rows = np.flatnonzero(chosen)
        path = entry / f"privacy/further.{purpose}.safetensors"
        if not path.is_file():
            made = embed_altered(
                encoder, pictures[rows], table["item"].to_numpy()[rows], families, draws, seed, purpose
            )
            save_rows(path, made, encoder.digest)


def whole(entry, table):
    """Alterations of every picture, for R and (of those who did not train the encoder) to judge; rows as the pool."""
    role = table["role"]
    names = ("originals", "alterations.own", "alterations.calibration", "further.own", "further.calibration")
    encoder = encoder_digest(entry / "privacy/encoder.safetensors")
    parts = {name: np.asarray(load_rows(entry / f"privacy/{name}.safetensors", encoder)) for name in names}
    shape = (len(table), *parts["alterations.own"].shape[1:])
    own, judged = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    own[role != "heldout"], own[role == "heldout"] = parts["alterations.own"], parts["further.own"]
    judged[role == "calibration"] = parts["alterations.calibration"]
    judged[role.isin(["test", "heldout"])] = parts["further.calibration"]
    return parts["originals"], own, judged


def one_split(table, originals, own, judged, shape, number):
    """The comparison of one split."""
    from avatarflow.privacy.cone import uncalibrated
    from avatarflow.privacy.rivals import People, compare
    from avatarflow.privacy.rules.surroundings import Originals

    persons = table["person"].to_numpy()
    seen = (table["role"] == "encoder").to_numpy()
    role = np.full(len(table), "encoder", dtype=object)
    role[~seen] = assign_roles(persons[~seen], SHARES, number)
    gallery = role != "heldout"
    cones = uncalibrated(originals[gallery], persons[gallery], table["row"].to_numpy()[gallery], own[gallery], shape)

    def altered(which):
        chosen = role == which
        return People(judged[chosen].reshape(-1, judged.shape[2]), np.repeat(persons[chosen], judged.shape[1]))

    strangers = People(originals[~gallery], persons[~gallery])
    found = compare(Originals.of(cones, persons[gallery]), altered("calibration"), altered("test"), strangers, number)
    found.insert(0, "split", number)
    return found


def over_splits(table):
    """Means over splits, and in how many splits a rule accepted more strangers than the cone."""
    table = table.assign(
        rival_ahead=table["ahead"] < 0, rival_beyond=table["ahead_high"] < 0, sure=table["ahead_low"] > 0
    )
    groups = table.groupby(["level", "rule"], sort=False)
    found = groups[["sensitivity", "specificity", "ahead"]].mean()
    found["lowest_specificity"], found["highest_specificity"] = (
        groups["specificity"].min(),
        groups["specificity"].max(),
    )
    found["splits_rival_ahead"], found["splits_rival_ahead_beyond_interval"] = (
        groups["rival_ahead"].sum(), groups["rival_beyond"].sum())  # fmt: skip
    found["splits_cone_ahead_beyond_interval"] = groups["sure"].sum()
    return found.reset_index()


def main():
    """The command."""
    args = arguments()
    if args.embed:
        embed(args.entry, args.seed)
        return
    command = [sys.executable, __file__, str(args.entry), "--seed", str(args.seed), "--embed"]
    subprocess.run(command, check=True)  # torch and faiss do not share a process
    from avatarflow.privacy.cone import Cones

    table = read_table(args.entry / "pool/pictures")
    shape = Cones.read(args.entry / "privacy/cones.safetensors").shape
    found = pd.concat([one_split(table, *whole(args.entry, table), shape, n) for n in range(1, args.splits + 1)])
    summary = over_splits(found)
    print(summary.round(4).to_string())
    plain = {"splits": args.splits, "unit": "mostly eyes", "over_splits": json.loads(summary.to_json(orient="records")),
             "each": json.loads(found.to_json(orient="records"))}  # fmt: skip
    args.out.parent.mkdir(exist_ok=True)
    args.out.write_text(json.dumps(plain, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
