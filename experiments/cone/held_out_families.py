#!/usr/bin/env python3
"""Perturbations that nobody thought of: each family left out of encoder, own radius and calibration, then tried.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/held_out_families.py results/releases/fundus

Needs the pool of an entry (its persons and roles). The fourteen families are left out in five
groups, no group with two families of one kind, so that five encoders are trained in place of
fourteen: each family is tried where it and two or three others are unknown, which is harder than
alone. `--apart` leaves out one at a time. Stops and goes on where it was (`--work`). Written:
experiments/cone/results/left_out_families.json, per family and strength, both modes.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from default_cone import default_shape

from avatarflow.imaging.shards import read_table
from avatarflow.privacy.fingerprints.files import encoder_digest, load_rows

GROUPS = (
    ("rotation", "contrast", "noise"),
    ("shift", "gamma", "jpeg"),
    ("zoom", "colour", "occlusion"),
    ("crop", "brightness", "blur"),
    ("elastic", "flip"),
)
DRAWS = 4
MODES = (("reject-all", 0.05), ("conformal", 0.02), ("conformal", 0.05))
RESULTS = Path(__file__).parent / "results" / "left_out_families.json"
PARTS = ("originals", "own", "calibration", "test")


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("entry", type=Path, help="folder with the pool/ of an entry")
    parser.add_argument(
        "--apart", action="store_true", help="one family at a time: fourteen encoders"
    )
    parser.add_argument("--steps", type=int, default=500, help="of each encoder's training")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("/tmp/left_out_families"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--embed", nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args()


def embed(args, group):
    """Train an encoder that never met the group, and make the fingerprints of one group (torch, no faiss)."""
    import torch

    from avatarflow.privacy.fingerprints.contrastive_training import DEFAULTS
    from avatarflow.privacy.fingerprints.step import fit, originals
    from avatarflow.runs.context import Step

    torch.set_num_threads(1)
    folder, pool = args.work / "-".join(group), str(args.entry / "pool/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    encoder, compute = folder / "encoder.safetensors", {"threads": 1, "micro_batch": 64}
    cone = {"families": DEFAULTS["families"], "held_out_families": list(group), "draws": DRAWS}
    if not encoder.is_file():
        kept = [name for name in DEFAULTS["families"] if name not in group]
        settings = {
            name: value for name, value in DEFAULTS.items() if name not in ("size_px", "families")
        }
        fit(pool, {**settings, "families": kept, "steps": args.steps}, compute, args.seed, str(folder / "state"),
            str(encoder), Step.null())  # fmt: skip
    outputs = {name: str(folder / f"{name}.safetensors") for name in (*PARTS, "seen")}
    originals(pool, str(encoder), cone, compute, args.seed, outputs, Step.null())


def measure(folder, table, group, seed):
    """What the cones of one encoder do to the group's families and to those they know."""
    from avatarflow.privacy.cones.calibration import perturbed_of
    from avatarflow.privacy.cones.cone import calibrate, uncalibrated
    from avatarflow.privacy.cones.decide import miss_rate, risks, specificity
    from avatarflow.privacy.held_out_families import left_out_figures

    encoder = encoder_digest(folder / "encoder.safetensors")
    rows, own, calibration, test = (
        np.asarray(load_rows(folder / f"{n}.safetensors", encoder)) for n in PARTS
    )
    gallery = (table["role"] != "heldout").to_numpy()
    trained = table[gallery]
    cones = uncalibrated(
        rows[gallery],
        trained["person"].to_numpy(),
        trained["row"].to_numpy(),
        own,
        default_shape(),
        encoder,
    )
    draws, whose = perturbed_of(calibration, table, "calibration")
    people = table.loc[table["role"] == "test", "person"].to_numpy()
    known = calibration.shape[1]
    found = {}
    for mode, alpha in MODES:
        done, _ = calibrate(cones, draws, whose, mode, alpha)
        unknown = test[:, known:]
        rejected = (risks(unknown.reshape(-1, rows.shape[1]), done) <= 1).reshape(unknown.shape[:2])
        flat, each = perturbed_of(test[:, :known], table, "test")
        held_out = table.loc[~gallery, "person"].to_numpy()
        found[mode if mode == "reject-all" else f"{mode} {alpha}"] = {
            "families": left_out_figures(rejected, list(group), people, seed),
            "known_families_miss": miss_rate(done, flat, each).as_dict(),
            "specificity": specificity(done, rows[~gallery], held_out, seed).as_dict(),
        }
    return found


def show(found):
    """The worst family at its worst strength, and each family's own."""
    for group, modes in found.items():
        for mode, figures in modes.items():
            worst = {
                family: min(each["value"] for each in own["by_strength"])
                for family, own in figures["families"].items()
            }
            print(group, mode, {family: round(value, 4) for family, value in worst.items()},
                  f"specificity {figures['specificity']['value']:.3f}")  # fmt: skip


def main():
    """The command."""
    args = arguments()
    if args.embed:
        embed(args, args.embed)
        return
    table = read_table(args.entry / "pool/pictures")
    groups = [(name,) for group in GROUPS for name in group] if args.apart else GROUPS
    found = {}
    for group in groups:
        folder = args.work / "-".join(group)
        if not (folder / "test.safetensors").is_file():
            command = [
                sys.executable,
                __file__,
                str(args.entry),
                "--seed",
                str(args.seed),
                "--work",
                str(args.work),
            ]
            subprocess.run([*command, "--steps", str(args.steps), "--embed", *group], check=True)
        found["-".join(group)] = measure(folder, table, group, args.seed)
        args.out.parent.mkdir(exist_ok=True)
        args.out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    show(found)


if __name__ == "__main__":
    main()
