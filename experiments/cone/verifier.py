#!/usr/bin/env python3
"""How well the independent matcher does on real photographs of a run: the threshold, pairs by field, perturbations.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/verifier.py DATA/eyes/manifest.csv RUN

RUN is a results/releases/<name> folder with a pool (config/fundus.yaml). The field is told as in
fingerprint_fundus.py. About four minutes on one core. The matcher learns nothing, so persons of
every role may be looked at; the threshold is of calibration persons.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fingerprint_fundus import BANDS, FAMILIES, by_band, discs

from avatarflow.core.statistics import share_of_pictures
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.privacy.perturbations import alter
from avatarflow.privacy.verifier import matcher
from avatarflow.privacy.verifier.trial import threshold, two_persons

RESULTS = Path(__file__).parent / "results" / "second_opinion_fundus.json"
DRAWS = 4
RATES = (0.001, 0.0)


def pairs_by_field(kept: list[Any], table: pd.DataFrame, manifest: pd.DataFrame, limits: dict[str, float],
                   impostors: Any) -> dict[str, Any]:  # fmt: skip
    """AUC, equal error rate and the share above each threshold of same-eye pairs, by how far the disc moved."""
    match, eye, person = matcher("fundus"), table["eye"].to_numpy(), table["person"].to_numpy()
    first, second = np.triu_indices(len(table), 1)
    genuine = np.flatnonzero((eye[first] == eye[second]) & (eye[first] >= 0))
    alike = np.array([match.similarity(kept[first[p]], kept[second[p]]) for p in genuine])
    proving = alike < match.same_file
    genuine, alike = genuine[proving], alike[proving]
    disc = discs(manifest).reindex(manifest["orig_file"].iloc[table["row"].to_numpy() - 1])
    apart = np.hypot(
        *(disc[axis].to_numpy()[first] - disc[axis].to_numpy()[second] for axis in "xy")
    )[genuine]
    score = -np.concatenate([alike, impostors])
    is_genuine = np.arange(len(score)) < len(alike)
    who = np.concatenate([person[first[genuine]], np.full(len(impostors), -1)])
    moved = np.concatenate([apart, np.full(len(impostors), np.nan)])
    out = by_band(score, is_genuine, ~is_genuine, moved, who)
    for name, (low, high) in BANDS.items():
        here = (apart >= low) & (apart < high) | (name == "all")
        for rate, limit in limits.items():
            out[name][f"recognised at {rate}"] = share_of_pictures(
                alike[here] > limit, who[: len(alike)][here], 1
            ).as_dict()
    return out


def perturbations(
    pictures: Any, kept: list[Any], table: pd.DataFrame, limits: dict[str, float]
) -> dict[str, Any]:
    """Of every test person's pictures, altered four times by each family: the share recognised, and by strength."""
    match, rows = matcher("fundus"), np.flatnonzero((table["role"] == "test").to_numpy())
    items, who = table["item"].to_numpy()[rows], table["person"].to_numpy()[rows]
    out: dict[str, Any] = {}
    every = []
    for family in FAMILIES:
        versions = [
            match.template(each)
            for each in alter(pictures[rows], family, DRAWS, 1, items, "benchmark")
        ]
        own = [kept[row] for row in np.repeat(rows, DRAWS)]
        alike = np.array(
            [
                -1.0 if v is None else match.similarity(o, v)
                for o, v in zip(own, versions, strict=True)
            ]
        ).reshape(-1, DRAWS)
        every.append(alike)
        out[family] = {
            rate: {
                **share_of_pictures(alike.ravel() > limit, np.repeat(who, DRAWS), 1).as_dict(),
                "by_quarter_of_strength": (alike > limit).mean(0).tolist(),
            }
            for rate, limit in limits.items()
        }
    joined = np.concatenate(every, 1)
    out["all"] = {
        rate: share_of_pictures(
            joined.ravel() > limit, np.repeat(who, joined.shape[1]), 1
        ).as_dict()
        for rate, limit in limits.items()
    }
    return out


def rank_one(pictures: Any, kept: list[Any], table: pd.DataFrame) -> dict[str, Any]:
    """One altered version of every test picture, families in turn, looked for among the whole gallery."""
    match, rows = matcher("fundus"), np.flatnonzero((table["role"] == "test").to_numpy())
    gallery, person = (
        np.flatnonzero((table["role"] != "heldout").to_numpy()),
        table["person"].to_numpy(),
    )
    first = []
    for number, row in enumerate(rows.tolist()):
        item = [int(table["item"].iloc[row])]
        family = FAMILIES[number % len(FAMILIES)]
        version = match.template(alter(pictures[row : row + 1], family, 1, 1, item, "benchmark")[0])
        others = [other for other in gallery if person[other] != person[row]]
        own = match.similarity(kept[row], version)
        first.append(all(match.similarity(kept[other], version) < own for other in others))
    return {
        **share_of_pictures(np.array(first), person[rows], 1).as_dict(),
        "gallery": len(gallery),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("run", type=Path)
    asked = parser.parse_args()
    manifest, table = pd.read_csv(asked.manifest), read_table(asked.run / "pool/pictures")
    pictures, match = read_pictures(asked.run / "pool/pictures"), matcher("fundus")
    began = time.perf_counter()
    kept = [match.template(picture) for picture in pictures]
    template_s = (time.perf_counter() - began) / len(kept)
    calibration = np.flatnonzero((table["role"] == "calibration").to_numpy())
    began = time.perf_counter()
    impostors = two_persons(match, pictures, table, calibration, 10_000, 1)
    pair_s = (
        time.perf_counter() - began - template_s * len(set(table["person"].iloc[calibration]))
    ) / len(impostors)
    limits = {str(rate): threshold(impostors, rate) for rate in RATES}
    found = {
        "side_px": pictures.shape[1],
        "pictures": len(pictures),
        "without_template": sum(each is None for each in kept),
        "milliseconds": {"template": 1e3 * template_s, "pair": 1e3 * pair_s},
        "two_persons": {
            "pairs": len(impostors),
            "persons": int(table["person"].iloc[calibration].nunique()),
            "quantiles": {
                str(q): float(np.quantile(impostors, q)) for q in (0.5, 0.9, 0.99, 0.999, 1.0)
            },
        },
        "thresholds": limits,
        "same_eye": pairs_by_field(kept, table, manifest, limits, impostors),
        "altered": perturbations(pictures, kept, table, limits),
        "rank1": rank_one(pictures, kept, table),
    }
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
