#!/usr/bin/env python3
"""Cones calibrated alone and together with the verifier, on a finished intake: what they miss, and whom they let pass.

    snakemake results/releases/fundus/privacy/verifier.json --cores 2 --configfile config/fundus.yaml
    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/fit_encoders.py \
        results/releases/fundus --seeds 1 2 3 --out ENCODERS
    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/two_kinds.py \
        results/releases/fundus --encoders ENCODERS/*.safetensors

Every encoder calibrates its own cones on the same patients, in both modes, alone and with the keypoints. Test patients
give the miss rate, held-out subjects the specificity, and the agreement of the encoders on held-out pictures (kappa).
The originals of the test patients are also altered in every way of alterations.py. Writes the file that
--out names, results/two_kinds.json by default.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from alterations import ALTERATIONS, altered
from consistency import kappa
from safetensors.numpy import load_file

from avatarflow.config.loading import load
from avatarflow.core.digest import code_digest
from avatarflow.core.statistics import wilson_or_exact
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.privacy.cones.calibration import calibrate_entry
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.cones.decide import risks
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
    from avatarflow.privacy.fingerprints.fingerprint import Encoder
    from avatarflow.privacy.fingerprints.step import originals

    outputs = {name: str(folder / f"{name}.safetensors") for name in MADE}
    compute = {"threads": 1, "micro_batch": 32}
    pool = str(entry / "pool/pictures")
    originals(pool, str(encoder), cone_settings(), compute, SEED, outputs, Step.null())
    trained = Encoder.load(str(encoder))
    rows = [trained.embed(pictures, 32) for pictures in kinds(entry)]
    np.save(folder / "kinds.npy", np.stack(rows))


def kinds(entry: Path) -> Iterator[np.ndarray]:
    """Yield the originals of the test patients, altered in one way after the other."""
    pictures, table = read_pictures(entry / "pool/pictures"), read_table(entry / "pool/pictures")
    tested = pictures[(table["role"] == "test").to_numpy()]
    others = pictures[(table["role"] == "heldout").to_numpy()]
    for kind in ALTERATIONS:
        yield altered(tested, others, kind, SEED)


def seen_by_verifier(entry: Path, trial: Mapping[str, Any]) -> np.ndarray:
    """Return which altered originals the verifier takes for an original (kinds, pictures)."""
    from avatarflow.privacy.verifier import matcher
    from avatarflow.privacy.verifier.keypoint_votes import indexed

    match, table = matcher(trial["matcher"]), read_table(entry / "pool/pictures")
    gallery = read_pictures(entry / "pool/pictures")[(table["role"] != "heldout").to_numpy()]
    index = indexed(match, gallery)
    alike = [
        index.most_alike([*map(match.of_candidate, pictures)], trial["threshold"])[0]
        for pictures in kinds(entry)
    ]
    return (np.isnan(alike) & trial["refuse_unseen"]) | (np.array(alike) > trial["threshold"])


def rejected_kinds(folder: Path, out: Mapping[str, str], known: np.ndarray | None) -> Any:
    """Return the share of every way of altering that is rejected, with its interval, the lowest first."""
    cones, rows = Cones.read(out["cones"]), np.load(folder / "kinds.npy")
    cones = replace(cones, with_verifier=False)  # `known` is its answer
    found = {}
    for number, kind in enumerate(ALTERATIONS):
        hits = risks(rows[number], cones) <= 1
        hits = hits if known is None else hits | known[number]
        found[kind] = wilson_or_exact(int(hits.sum()), len(hits)).as_dict()
    return dict(sorted(found.items(), key=lambda each: each[1]["value"]))


def judged(
    entry: Path, folder: Path, encoder: Path, known: np.ndarray | None, mode: str, alpha: float
) -> Any:
    """Calibrate, with the verifier where its answers are given; return figures, and which held-out pictures pass."""
    trial = "" if known is None else str(entry / "privacy/verifier.json")
    inputs = {name: str(folder / f"{name}.safetensors") for name in MADE}
    inputs |= {"pool": str(entry / "pool/pictures"), "encoder": str(encoder), "trial": trial}
    names = ("cones", "risks", "calibrated", "plane.png")
    out = {name.split(".")[0]: str(folder / name) for name in names}
    settings = cone_settings() | {"mode": mode, "alpha": alpha}
    calibrate_entry(inputs, settings, SEED, out, Step.null())
    figures = json.loads(Path(out["calibrated"]).read_text())
    figures["kinds"] = rejected_kinds(folder, out, known)
    return figures, load_file(out["risks"])["heldout"] > 1


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("entry", type=Path, help="folder with pool/ and privacy/verifier.json")
    parser.add_argument("--encoders", type=Path, nargs="+", required=True)
    parser.add_argument("--work", type=Path, default=Path("/tmp/two_kinds"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    # fingerprints are kept from run to run, and hang on how perturbations are drawn, too
    drawn = code_digest("avatarflow.privacy.fingerprints.step")
    folders = [args.work / f"{encoder_digest(str(path))}-{drawn}" for path in args.encoders]
    if args.child:
        fingerprint(args.entry, args.encoders[0], args.child)
        return
    trial = json.loads((args.entry / "privacy/verifier.json").read_text())
    known = seen_by_verifier(args.entry, trial)
    found: dict[str, Any] = {}
    passing: dict[str, list[Any]] = {}
    for encoder, folder in zip(args.encoders, folders, strict=True):
        if not (folder / "test.safetensors").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, __file__, str(args.entry), "--encoders", str(encoder)]
            subprocess.run([*command, "--child", str(folder)], check=True)
        for mode, alpha in MODES:
            for kind, answers in (("cone", None), ("both", known)):
                figures, passed = judged(args.entry, folder, encoder, answers, mode, alpha)
                name = f"{mode}, {kind}"
                kept = ("c", "miss", "rejected", "specificity", "rejected_by_family", "verifier",
                        "miss_seen", "set_by_margin", "kinds")  # fmt: skip
                row = {"encoder": encoder.stem, **{key: figures.get(key) for key in kept}}
                found.setdefault(name, []).append(row)
                passing.setdefault(name, []).append(passed)
                print(
                    f"{name:18s} {encoder.stem} c {row['c']:.3f} miss {row['miss']['value']:.3f} "
                    f"(to {row['miss']['high']:.3f}) specificity {row['specificity']['value']:.3f} "
                    f"({row['specificity']['low']:.3f} to {row['specificity']['high']:.3f})",
                    flush=True,
                )
                write(found, passing, args.out)


def write(found: dict[str, list[Any]], passing: dict[str, list[Any]], out: Path) -> None:
    """Write what is known so far, and how far the encoders agree on held-out pictures."""
    results = {
        name: {
            "encoders": rows,
            "kappa": [float(kappa(a, b)) for a, b in combinations(passing[name], 2)],
        }
        for name, rows in found.items()
    }
    out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
