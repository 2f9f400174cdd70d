"""An audit of real fundus photographs: a student's pictures as somebody else's, and copies of originals at many sizes.

OMP_NUM_THREADS=1 PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/audit_fundus.py results/releases/fundus

Needs a finished entry of config/fundus.yaml (its persons, encoder and fingerprints are taken as
they are, so that who was trained on is known) and the shared pictures ($AVATARFLOW_DATA, else
../shared/data). Two audits: of the student's pictures alone, and of these with altered copies of
test persons' photographs at seven sizes among them. Writes results/audit_fundus.json, and with
--keep the folders with their pages. About four minutes of one core.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests" / "unit" / "audit")]

import audit_world  # noqa: E402

from avatarflow.core.paths import write_json  # noqa: E402
from avatarflow.core.statistics import share_of_pictures  # noqa: E402
from avatarflow.imaging.shards import read_pictures, read_table, write_shards  # noqa: E402
from avatarflow.intake.pool import Pool  # noqa: E402
from avatarflow.intake.sizes import summary_of_sizes  # noqa: E402
from avatarflow.intake.step import summarise  # noqa: E402

SIDES = (24, 32, 48, 64, 128, 256, 512)
QUALITY = 85  # of the copies' JPEG, beside a brightening by 5 %
COPIED = 60  # photographs of test persons
FINGERPRINTS = {"originals": "originals", "own": "perturbations.own", "calibration": "perturbations.calibration",
                "test": "perturbations.test"}  # fmt: skip


def main() -> None:
    """Run both audits and write the figures."""
    given = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    given.add_argument("entry", type=Path)
    given.add_argument("--keep", type=Path)
    asked = given.parse_args()
    data = Path(os.environ.get("AVATARFLOW_DATA") or ROOT.parent / "shared" / "data") / "eyes"
    folder = asked.keep or Path(tempfile.mkdtemp())
    first = prepare(folder / "student", asked.entry, data)
    rows = student(first.folder, asked.entry)
    rows.to_csv(first.folder / "candidates.csv", index=False)
    if not Path(first.at("leaks.safetensors")).is_file():  # what was kept is not made again
        first.calibrate()
        first.plant()
    second = audit_world.Audit(folder / "student_and_copies", first.settings)
    # nothing of the originals is measured twice
    shutil.copytree(first.folder, second.folder, dirs_exist_ok=True)
    copied = copies(second.folder, read_table(first.at("pool/pictures")), data)
    asked_of = copied.drop(columns=["row", "side_px"])
    pd.concat([rows, asked_of]).to_csv(second.folder / "candidates.csv", index=False)
    for audit in (first, second):
        for step in (audit.intake_candidates, audit.judge, audit.attacks, audit.report):
            step()
    found = {
        "student": figures(first),
        "student and copies": {**figures(second), "copies": by_size(second, copied)},
    }
    write_json(ROOT / "benchmarks" / "results" / "audit_fundus.json", found, allow_nan=False)
    if not asked.keep:
        shutil.rmtree(folder)


def prepare(folder: Path, entry: Path, data: Path) -> audit_world.Audit:
    """The pool of an audit, with the encoder and the originals' fingerprints of the finished entry."""
    manifest = pd.read_csv(data / "manifest.csv")
    table = read_table(entry / "pool" / "pictures")
    table["dataset"] = manifest["dataset"].to_numpy()[table["row"] - 1]
    settings = audit_world.entry(
        conditions={"eye_side": ["left", "right"]},
        cameras={"dataset": sorted(table["dataset"].unique())},
        size_px=64, fingerprint={}, cone={}, split={"column": "used"}, limits={"min_side_px": 16},
    )  # fmt: skip
    audit = audit_world.Audit(folder, settings)
    pictures = read_pictures(entry / "pool" / "pictures")
    Path(audit.at("pool/pictures")).mkdir(parents=True, exist_ok=True)
    write_shards(audit.at("pool/pictures"), pictures, table)
    sizes = [tuple(map(int, manifest.loc[row - 1, ["width", "height"]])) for row in table["row"]]
    counts = {
        **summarise(Pool(pictures, table)),
        "left_out": 0,
        "sizes": summary_of_sizes(sizes, 64),
    }
    write_json(audit.at("pool/summary.json"), counts)
    shutil.copy(entry / "privacy" / "encoder.safetensors", audit.at("encoder"))
    for name, file in FINGERPRINTS.items():
        shutil.copy(entry / "privacy" / f"{file}.safetensors", audit.at(f"{name}.safetensors"))
    return audit


def student(folder: Path, entry: Path) -> pd.DataFrame:
    """The student's pictures as files, with the side that was asked for."""
    place = entry / "samples" / "student" / "pictures"
    table = read_table(place)
    for name, picture in zip(table["candidate"], read_pictures(place), strict=True):
        Image.fromarray(picture).save(folder / f"{name}.png")
    return pd.DataFrame({"file": table["candidate"] + ".png", "eye_side": table["eye_side"]})


def copies(folder: Path, table: pd.DataFrame, data: Path) -> pd.DataFrame:
    """Photographs of test persons from their files of 512 px, brightened, as JPEG of every size."""
    manifest, rows = pd.read_csv(data / "manifest.csv"), []
    for number, row in enumerate(table.loc[table["role"] == "test", "row"][:COPIED]):
        with Image.open(data / manifest.loc[row - 1, "file"]) as picture:
            bright = np.clip(np.asarray(picture.convert("RGB"), np.float32) * 1.05, 0, 255).astype(
                np.uint8
            )
        for side in SIDES:
            name = f"copy-{number:03d}-{side}.jpg"
            Image.fromarray(bright).resize((side, side), Image.Resampling.LANCZOS).save(
                folder / name, quality=QUALITY
            )
            rows.append(
                {
                    "file": name,
                    "side_px": side,
                    "row": row,
                    "eye_side": manifest.loc[row - 1, "eye_side"],
                }
            )
    return pd.DataFrame(rows)


def figures(audit: audit_world.Audit) -> dict[str, Any]:
    """What the page says, shortened."""
    plain = json.loads(Path(audit.at("audit.json")).read_text("utf-8"))
    candidates = plain["candidates"]
    kept = (
        "risky",
        "refused",
        "accepted",
        "persons_met",
        "rules",
        "cameras",
        "non_members_met",
        "labels",
        "sizes",
    )
    attacks = [
        {
            name: row[name]
            for name in (
                "target",
                "attack",
                "view",
                "auc",
                "members",
                "non_members",
                "conclusion",
                "reason",
            )
        }
        | {
            control: row[control]["auc"] and row[control]["auc"]["value"]
            for control in ("positive", "negative")
        }
        for row in plain["attacks"]
    ]
    cone = {name: plain["cone"][name] for name in ("coverage", "miss", "rejected", "specificity")}
    found = {
        "answers": plain["answers"],
        "overall": plain["overall"],
        "cone": cone,
        "attacks": attacks,
    }
    return {**found, **{name: candidates[name] for name in kept}}


def by_size(audit: audit_world.Audit, copied: pd.DataFrame) -> dict[str, Any]:
    """Copies rejected, and pointing at their own original, per size; intervals over originals."""
    decisions = pd.read_parquet(audit.at("decisions.parquet")).set_index("candidate")
    rows = copied.join(decisions, on="file")
    found = {}
    for side, each in rows.groupby("side_px"):
        own = each["row"].to_numpy(np.int64)
        named = (each["matched_original"] == each["row"]).to_numpy(bool)
        found[str(side)] = {
            "rejected": share_of_pictures(
                ~each["accepted"].to_numpy(bool), own, audit_world.SEED
            ).as_dict(),
            "names_its_original": share_of_pictures(named, own, audit_world.SEED).as_dict(),
            "risk_largest": float(each["risk"].max()),
        }
    return found


if __name__ == "__main__":
    main()
