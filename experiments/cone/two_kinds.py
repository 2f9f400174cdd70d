#!/usr/bin/env python3
"""Cones calibrated alone and together with the verifier, on a finished intake: what they miss, and whom they let pass.

    snakemake results/releases/fundus/privacy/verifier.json --cores 2 --configfile config/fundus.yaml
    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/fit_encoders.py \
        results/releases/fundus --seeds 1 2 3 --out ENCODERS
    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/two_kinds.py \
        results/releases/fundus --encoders ENCODERS/*.safetensors

Every encoder calibrates its own cones on the same patients, in both modes, alone and with the keypoints. Test patients
give the miss rate, held-out subjects the specificity, and the agreement of the encoders on held-out pictures (kappa).
Adds to results/two_kinds.json.
"""

import argparse
import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

from consistency import kappa
from safetensors.numpy import load_file

from avatarflow.config.loading import load
from avatarflow.privacy.cones.calibration import calibrate_entry
from avatarflow.privacy.fingerprints.files import encoder_digest
from avatarflow.runs.context import Step

RESULTS = Path(__file__).parent / "results" / "two_kinds.json"
MODES = (("reject-all", 0.02), ("conformal", 0.02))
MADE = ("originals", "own", "calibration", "test", "seen")
SEED = 1


def cone_settings() -> dict[str, Any]:
    """The defaults of `cone`."""
    source = {"manifest": "manifest.csv", "root": "."}
    entry = {"source": source, "conditions": {}, "size_px": 64, "gates": {}}
    settings: dict[str, Any] = load({"releases": {"x": entry}})["releases"]["x"]["cone"]
    return settings


def fingerprint(entry: Path, encoder: Path, folder: Path) -> None:
    """Write the fingerprints of originals and perturbations (torch, no faiss)."""
    from avatarflow.privacy.fingerprints.step import originals

    outputs = {name: str(folder / f"{name}.safetensors") for name in MADE}
    compute = {"threads": 1, "micro_batch": 32}
    pool = str(entry / "pool/pictures")
    originals(pool, str(encoder), cone_settings(), compute, SEED, outputs, Step.null())


def judged(entry: Path, encoder: Path, folder: Path, trial: str, mode: str, alpha: float) -> Any:
    """Calibrate and return what was measured, and which held-out pictures pass."""
    inputs = {name: str(folder / f"{name}.safetensors") for name in MADE}
    inputs |= {"pool": str(entry / "pool/pictures"), "encoder": str(encoder), "trial": trial}
    names = ("cones", "risks", "calibrated", "plane.png")
    out = {name.split(".")[0]: str(folder / name) for name in names}
    settings = cone_settings() | {"mode": mode, "alpha": alpha}
    calibrate_entry(inputs, settings, SEED, out, Step.null())
    return json.loads(Path(out["calibrated"]).read_text()), load_file(out["risks"])["heldout"] > 1


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("entry", type=Path, help="folder with pool/ and privacy/verifier.json")
    parser.add_argument("--encoders", type=Path, nargs="+", required=True)
    parser.add_argument("--work", type=Path, default=Path("/tmp/two_kinds"))
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    folders = [args.work / encoder_digest(str(path)) for path in args.encoders]
    if args.child:
        fingerprint(args.entry, args.encoders[0], args.child)
        return
    found: dict[str, Any] = {}
    passing: dict[str, list[Any]] = {}
    for encoder, folder in zip(args.encoders, folders, strict=True):
        if not (folder / "test.safetensors").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, __file__, str(args.entry), "--encoders", str(encoder)]
            subprocess.run([*command, "--child", str(folder)], check=True)
        for mode, alpha in MODES:
            for kind, trial in (("cone", ""), ("both", str(args.entry / "privacy/verifier.json"))):
                figures, passed = judged(args.entry, encoder, folder, trial, mode, alpha)
                name = f"{mode}, {kind}"
                kept = ("c", "miss", "rejected", "specificity", "rejected_by_family", "verifier")
                row = {"encoder": encoder.stem, **{key: figures.get(key) for key in kept}}
                found.setdefault(name, []).append(row)
                passing.setdefault(name, []).append(passed)
                print(
                    f"{name:18s} {encoder.stem} c {row['c']:.3f} miss {row['miss']['value']:.3f} "
                    f"(to {row['miss']['high']:.3f}) specificity {row['specificity']['value']:.3f} "
                    f"({row['specificity']['low']:.3f} to {row['specificity']['high']:.3f})",
                    flush=True,
                )
                write(found, passing)


def write(found: dict[str, list[Any]], passing: dict[str, list[Any]]) -> None:
    """Write what is known so far, and how far the encoders agree on held-out pictures."""
    results = {
        name: {
            "encoders": rows,
            "kappa": [float(kappa(a, b)) for a, b in combinations(passing[name], 2)],
        }
        for name, rows in found.items()
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
