#!/usr/bin/env python3
"""What the anatomy check passes of right pictures, and refuses of pictures that are wrong in one known way.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/quality/anatomy.py \
        --data /path/to/data --samples results/releases/eyes/samples/student/pictures

Generated eyes: 400 patients, one eye each; real photographs and radiographs: divided by patient into those who set the
limits and those who are only measured, by a digest of the patient's number and a word. What was developed on is in
docs/splits.md. Synthetic pictures are held against the limits of generated eyes, and drawn as contact sheets of what
passes and what does not (`--sheets`).
"""

import argparse
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from wrong_eyes import RADIOGRAPHS, WRONG, draw_wrong, mirrored

from avatarflow.core.statistics import share_of_persons
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.imaging.sheet import contact_sheet
from avatarflow.quality.anatomy.limits import refusals, set_limits
from avatarflow.quality.anatomy.step import KINDS, measure

RESULTS = Path(__file__).parent / "results"
SIDE_PX, SEED = 64, 211
PATIENTS, TESTED = 400, 90
SHARES = (0.9, 0.95, 0.99)
DEVELOPED_ON = "71"  # the word whose first half of the patients the findings were developed on


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with eyes/manifest.csv")
    parser.add_argument("--samples", type=Path, help="shards of a release's candidates")
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets; internal only")
    return parser.parse_args()


def findings(kind: str, pictures: Any, sides: Any, persons: Any) -> pd.DataFrame:
    """A row per picture: its findings and whose it is."""
    rows = [
        measure(kind, picture, {"eye_side": side})
        for picture, side in zip(pictures, sides, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(KINDS[kind].FINDINGS)).assign(
        person=np.unique(np.asarray(persons), return_inverse=True)[1]
    )


def refused(kind: str, limits: Any, found: pd.DataFrame) -> dict[str, Any]:
    """The share of patients with a refused picture, of pictures refused, and for what."""
    reasons = [
        refusals(KINDS[kind].FINDINGS, limits, row)
        for row in found.drop(columns="person").to_dict("records")
    ]
    events = np.array([bool(why) for why in reasons])
    patients = share_of_persons(events, found["person"].to_numpy())
    return {
        "pictures": len(events),
        "refused": float(events.mean()),
        "patients": patients.persons,
        "patients_with_a_refused_picture": [patients.value, patients.low, patients.high],
        "for": dict(Counter(reason for why in reasons for reason in why).most_common()),
    }


def generated(kind: str) -> dict[str, Any]:
    """Limits from generated eyes; right ones of other patients, and wrong ones of these."""
    eyes = [2 * patient + patient % 2 for patient in range(PATIENTS)]
    pictures, table = draw_eyes(kind, eyes, [0] * len(eyes), SIDE_PX, SEED)
    tested = slice(PATIENTS - TESTED, PATIENTS)
    start = time.process_time()
    found = findings(kind, pictures, table["eye_side"], table["person"])
    cost = 1e3 * (time.process_time() - start) / len(found)
    person, labels = found["person"], table.iloc[tested]
    sets = {"right": found.iloc[tested]} | {
        wrong: findings(
            kind,
            draw_wrong(kind, wrong, eyes[tested], SIDE_PX, SEED),
            labels["eye_side"],
            labels["person"],
        )
        for wrong in WRONG[kind]
    }
    reference, held_out = found[person < 110], found[(person >= 110) & (person < 310)]
    return {"ms_per_picture": cost} | of_shares(kind, reference, held_out, sets)


def of_shares(
    kind: str, reference: pd.DataFrame, held_out: pd.DataFrame, sets: dict[str, pd.DataFrame]
) -> dict[str, Any]:
    """The outcome for each share of patients that must pass, where there are patients enough."""
    out: dict[str, Any] = {}
    for share in SHARES:
        try:
            limits = set_limits(KINDS[kind].FINDINGS, reference, held_out, share)
        except Exception as error:  # too few patients: said in the result
            out[f"{share:g}"] = str(error)
            continue
        out[f"{share:g}"] = {
            "set_on": int(held_out["person"].nunique()),
            "limits": limits,
            **{name: refused(kind, limits, found) for name, found in sets.items()},
        }
    return out


def real(kind: str, view: str, data: Path) -> dict[str, Any]:
    """Limits from real patients, measured on the half of them that nothing was developed on."""
    table = pd.read_csv(data / "eyes" / "manifest.csv")
    table = table[table["view"] == view]
    who = table["same_person_guess"].fillna(table["patient_id"]).fillna(table["eye_id"]).astype(str)
    if kind == "radiograph":
        who = table["patient_id"].astype(str)
    pictures = [
        np.asarray(
            Image.open(data / "eyes" / name).convert("RGB").resize((SIDE_PX,) * 2, Image.LANCZOS)
        )
        for name in table["file"]
    ]
    sides = table["eye_side"].fillna("").tolist()
    digest = [int(hashlib.sha256((DEVELOPED_ON + name).encode()).hexdigest(), 16) for name in who]
    tested = np.array([number % 2 == 1 for number in digest])
    # of those developed on one half says how far findings go, the other sets the limits
    first = np.array([number // 2 % 2 == 0 for number in digest]) & ~tested
    found = findings(kind, pictures, sides, who)
    rows = np.flatnonzero(tested)
    wrong = {"other side": mirrored} if kind == "fundus" else RADIOGRAPHS
    sets = {"right": found[tested]} | {
        name: findings(
            kind,
            [change(pictures[row]) for row in rows],
            [sides[row] for row in rows],
            who.to_numpy()[rows],
        )
        for name, change in wrong.items()
    }
    return of_shares(kind, found[first], found[~first & ~tested], sets)


def of_samples(folder: Path, limits: Any, sheets: Path | None) -> dict[str, Any]:
    """What of a generator's pictures the limits of generated fundus eyes refuse, by condition."""
    pictures, table = read_pictures(folder), read_table(folder)
    found = findings("fundus", pictures, table["eye_side"], range(len(table)))
    out = {"all": refused("fundus", limits, found)}
    for sex in sorted(table["sex"].unique()):
        out[sex] = refused("fundus", limits, found[(table["sex"] == sex).to_numpy()])
    if sheets:
        kinds = KINDS["fundus"].FINDINGS
        rows = found.drop(columns="person").to_dict("records")
        bad = np.array([bool(refusals(kinds, limits, row)) for row in rows])
        for name, chosen in (("passes", ~bad), ("refused", bad)):
            some = np.flatnonzero(chosen)[:: max(1, int(chosen.sum() / 96))][:96]
            if len(some):
                contact_sheet(pictures[some], 16).save(sheets / f"anatomy_{name}.png", "PNG")
    return out


def main() -> None:
    """Measure everything and write the figures."""
    asked = arguments()
    RESULTS.mkdir(exist_ok=True)
    out: dict[str, Any] = {}
    for name, part in parts(asked, out):
        out[name] = part
        text = json.dumps(out, indent=1, default=float)
        (RESULTS / "anatomy.json").write_text(text + "\n", encoding="utf-8")


def parts(asked: argparse.Namespace, done: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each part of the figures, as soon as it is measured."""
    yield "generated fundus", generated("fundus")
    if asked.data:
        yield "real fundus", real("fundus", "fundus", asked.data)
    if asked.samples:
        for share in ("0.95", "0.99"):
            sheets = asked.sheets if share == "0.95" else None
            limits = done["generated fundus"][share]["limits"]
            yield f"samples, {share}", of_samples(asked.samples, limits, sheets)
    if asked.data:
        yield "real radiographs", real("radiograph", "cxr", asked.data)
    yield "generated iris", generated("iris")


if __name__ == "__main__":
    main()
