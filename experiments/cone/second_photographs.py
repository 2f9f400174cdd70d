#!/usr/bin/env python3
"""Second photographs of eyes in the gallery as candidates: refused by the cones, by the verifier, by either.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/second_photographs.py DATA/eyes/manifest.csv RUN

RUN is a results/releases/<name> folder of config/fundus.yaml with cones, perturbations and
`privacy/verifier.json`. Each original whose eye another original shows is taken out of the gallery
and judged against the rest, unless its person trained the encoder. The nearest field it has a
fellow of, told as in fingerprint_fundus.py, is its own.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fingerprint_fundus import BANDS, discs

from avatarflow.core.statistics import share_of_pictures
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.privacy.cones.calibration import perturbed_of
from avatarflow.privacy.cones.cone import Cones, calibrate
from avatarflow.privacy.fingerprints.files import load_rows
from avatarflow.privacy.verifier import matcher
from avatarflow.privacy.verifier.verify import Verifier

RESULTS = Path(__file__).parent / "results" / "second_photographs.json"
MODES = (("reject-all", 0.05), ("conformal", 0.02), ("conformal", 0.05))
NEAREST = 5


def without(cones: Cones, place: int) -> Cones:
    """The cones of all originals but one."""
    kept = np.arange(len(cones.rows)) != place
    names = ("fingerprints", "rows", "radii_rad", "sparsity_rad", "persons")
    return replace(cones, **{name: getattr(cones, name)[kept] for name in names})


def measure(run: Path, manifest: pd.DataFrame) -> dict[str, Any]:
    """Shares per way of calibrating and field."""
    cones, trial = (
        Cones.read(run / "privacy/cones.safetensors"),
        json.loads((run / "privacy/verifier.json").read_text()),
    )
    pool, pictures = read_table(run / "pool/pictures"), read_pictures(run / "pool/pictures")
    gallery = np.flatnonzero((pool["role"] != "heldout").to_numpy())
    shown, table = pictures[gallery], pool.iloc[gallery].reset_index(drop=True)
    disc = (
        discs(manifest).reindex(manifest["orig_file"].iloc[table["row"].to_numpy() - 1]).to_numpy()
    )
    eye, person, matching = (
        table["eye"].to_numpy(),
        table["person"].to_numpy(),
        matcher(trial["matcher"]),
    )
    asked = []
    for place in np.flatnonzero((table["role"] != "encoder").to_numpy()):
        fellows = np.flatnonzero((eye == eye[place]) & (eye >= 0) & (np.arange(len(eye)) != place))
        fellows = [fellow for fellow in fellows if (shown[fellow] != shown[place]).any()]
        if len(fellows):
            asked.append(
                (
                    int(place),
                    float(np.nanmin([*np.hypot(*(disc[fellows] - disc[place]).T), np.inf])),
                )
            )
    apart = np.array([each for _, each in asked])
    draws, whose = perturbed_of(
        load_rows(run / "privacy/perturbations.calibration.safetensors", cones.encoder),
        pool,
        "calibration",
    )
    out: dict[str, Any] = {"photographs": len(asked), "threshold": trial["threshold"], "modes": {}}
    for mode, alpha in MODES:
        done, _ = calibrate(replace(cones, c=float("nan")), draws, whose, mode, alpha)
        rejected, matched = np.zeros(len(asked), bool), np.zeros(len(asked), bool)
        for number, (place, _) in enumerate(asked):
            rest = np.arange(len(shown)) != place
            verifier = Verifier(without(done, place), shown[rest], matching, NEAREST)
            said = verifier.verify(shown[place : place + 1], cones.fingerprints[place : place + 1])
            rejected[number], matched[number] = (
                said.rejected[0],
                said.similarity[0] > trial["threshold"],
            )
        fields = {}
        for name, (low, high) in BANDS.items():
            here = (apart >= low) & (apart < high) | (name == "all")
            if not here.any():
                continue
            who = person[[place for place, _ in asked]][here]
            fields[name] = {
                kind: share_of_pictures(events[here], who, 1).as_dict()
                for kind, events in (
                    ("cones", rejected),
                    ("matcher", matched),
                    ("either", rejected | matched),
                )
            }
        out["modes"][mode if mode == "reject-all" else f"{mode} {alpha}"] = fields
    return out


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("run", type=Path)
    asked = parser.parse_args()
    RESULTS.write_text(json.dumps(measure(asked.run, pd.read_csv(asked.manifest)), indent=1) + "\n")


if __name__ == "__main__":
    main()
