#!/usr/bin/env python3
"""Which of what a model makes of originals is rejected by cones, calibrated in three ways.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/near_duplicates.py make RUN WORK [--sheet SHEET.png]
    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/near_duplicates.py judge RUN WORK

RUN is a results/releases/<name> folder of config/fundus.yaml with its teacher, encoder, cones and
perturbations; WORK is a folder outside the project, since near-duplicates show real eyes. Two
calls: torch and faiss share no process.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from avatarflow.imaging.shards import read_pictures, read_table

RESULTS = Path(__file__).parent / "results"
STRENGTHS = [0.05, 0.1, 0.2, 0.3, 0.5]
MODES = (("reject-all", 0.05), ("conformal", 0.02), ("conformal", 0.05))
CONDITIONS = {"eye_side": ["left", "right"]}
COMPUTE = {"threads": 1, "micro_batch": 32, "precision": "bf16", "device": "cpu"}
SHOWN = 6


def make(run: Path, work: Path, sheet: Path | None) -> None:
    """Near-duplicates of every test person's pictures, and their fingerprints."""
    from avatarflow.privacy.fingerprints.step import candidates
    from avatarflow.privacy.near_duplicates.make import make_near_duplicates
    from avatarflow.runs.context import Step

    settings = {
        "near_duplicates": {"persons": 1_000_000, "strengths": STRENGTHS}, "conditions": CONDITIONS, "compute": COMPUTE,
    }  # fmt: skip
    pool, index = str(run / "pool/pictures"), str(run / "teacher/model_index.json")
    make_near_duplicates(pool, index, settings, 1, str(work / "pictures"), Step.null())
    candidates(
        str(work / "pictures"),
        str(run / "privacy/encoder.safetensors"),
        COMPUTE,
        str(work / "fingerprints"),
    )
    if sheet:
        show(run, work, sheet)


def show(run: Path, work: Path, sheet: Path) -> None:
    """Some originals, each above all that was made of it."""
    from avatarflow.imaging.sheet import contact_sheet

    made, pictures = read_table(work / "pictures"), read_pictures(work / "pictures")
    pool, originals = read_table(run / "pool/pictures"), read_pictures(run / "pool/pictures")
    shown, captions = [], []
    for row in sorted(set(made["original"]))[:: max(1, made["original"].nunique() // SHOWN)][
        :SHOWN
    ]:
        shown.append(originals[int(np.flatnonzero(pool["row"] == row)[0])])
        captions.append("original")
        for place in np.flatnonzero(made["original"] == row):
            shown.append(pictures[place])
            captions.append(f"{made['family'].iloc[place]} {made['strength'].iloc[place]:g}")
    contact_sheet(np.stack(shown), len(shown) // SHOWN, captions).save(sheet, "PNG")


def judge(run: Path, work: Path) -> None:
    """The table for each way of calibrating, one below the other."""
    from avatarflow.privacy.cones.calibration import perturbed_of
    from avatarflow.privacy.cones.cone import Cones, calibrate
    from avatarflow.privacy.cones.decide import specificity
    from avatarflow.privacy.fingerprints.files import load_rows
    from avatarflow.privacy.near_duplicates.decide import confirmed_by, measured, refusals
    from avatarflow.privacy.verifier import matcher
    from avatarflow.privacy.verifier.verify import Verifier

    cones = Cones.read(run / "privacy/cones.safetensors")
    trial = json.loads((run / "privacy/verifier.json").read_text())
    pool, originals = read_table(run / "pool/pictures"), read_pictures(run / "pool/pictures")
    made, pictures = read_table(work / "pictures"), read_pictures(work / "pictures")
    rows = np.asarray(load_rows(work / "fingerprints", cones.encoder))
    match, limit = matcher(trial["matcher"]), trial["threshold"]
    confirmed = confirmed_by(match, limit, made, pictures, pool, originals)
    draws, whose = perturbed_of(
        load_rows(run / "privacy/perturbations.calibration.safetensors", cones.encoder),
        pool,
        "calibration",
    )
    held_out = (pool["role"] == "heldout").to_numpy()
    real = np.asarray(load_rows(run / "privacy/originals.safetensors", cones.encoder))[held_out]
    tables, accepted, matched = [], {}, None
    for mode, alpha in MODES:
        name = mode if mode == "reject-all" else f"{mode} {alpha}"
        done, _ = calibrate(replace(cones, c=float("nan")), draws, whose, mode, alpha)
        verifier = Verifier(done, originals[~held_out], match, 5)
        if matched is None:
            rejected, matched = refusals(verifier, pictures, rows, limit)
        rejected = verifier.judge.risks(rows).risk <= 1
        found = measured(made, confirmed, rejected, rejected | matched, 1)
        found.insert(0, "mode", name)
        tables.append(found)
        accepted[name] = {
            "c": done.c,
            "specificity": specificity(
                done, real, pool.loc[held_out, "person"].to_numpy(), 1
            ).as_dict(),
            "missed": missed(made, confirmed, rejected),
            "missed_together": missed(made, confirmed, rejected | matched),
        }
    joined = pd.concat(tables, ignore_index=True)
    joined.to_csv(
        RESULTS / "near_duplicates_fundus.tsv",
        sep="\t",
        index=False,
        float_format="%.6g",
        na_rep="NA",
    )
    summary = {"matcher": trial["matcher"], "threshold": limit, "modes": accepted}
    (RESULTS / "near_duplicates_fundus.json").write_text(json.dumps(summary, indent=1) + "\n")


def missed(made: pd.DataFrame, confirmed: np.ndarray, rejected: np.ndarray) -> dict[str, object]:
    """Of confirmed image to image up to strength 0.3, all taken together: how many pass, and of how many persons."""
    asked = (
        (made["family"] == "img2img").to_numpy() & (made["strength"] <= 0.3).to_numpy() & confirmed
    )
    passed = asked & ~rejected
    return {
        "asked": int(asked.sum()),
        "passed": int(passed.sum()),
        "persons": int(made["person"][asked].nunique()),
        "persons_with_one": int(made["person"][passed].nunique()),
    }


def main() -> None:
    """One of the two steps."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["make", "judge"])
    parser.add_argument("run", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--sheet", type=Path)
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    if asked.step == "make":
        make(asked.run, asked.work, asked.sheet)
    else:
        judge(asked.run, asked.work)


if __name__ == "__main__":
    main()
