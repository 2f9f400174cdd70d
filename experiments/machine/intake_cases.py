#!/usr/bin/env python3
"""Small inputs that once failed, as intake takes them now: a table beside what each should give.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/machine/intake_cases.py FOLDER

FOLDER holds one folder a case (`config.yaml`, a manifest), `manifest_cases.csv` (case, expected),
and `formats` and `dicom` (one file a case; `expected.csv`, and `expected.npz` with the picture each
should look like). Writes results/intake_cases.md.
"""

import argparse
import csv
import logging
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.core.paths import data_path
from avatarflow.imaging.io import read_picture
from avatarflow.imaging.picture_checks import PictureError
from avatarflow.intake.pool import pool_from_manifest
from avatarflow.intake.refusals import check_share, reasons_in_words
from avatarflow.intake.sources.rows import Place
from avatarflow.intake.sources.withdrawn import IntakeInputs
from avatarflow.runs.context import Step

RESULT = Path(__file__).parent / "results" / "intake_cases.md"
NEW_KEYS = {b"person:": b"patient_id_columns:", b"select:": b"row_filter:"}
ROOT = Path(__file__).parents[2]
SNAKEMAKE, SNAKEFILE = Path(sys.executable).with_name("snakemake"), ROOT / "workflow" / "Snakefile"


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    logging.disable(logging.CRITICAL)
    os.environ["AVATARFLOW_DATA"] = str(folder)
    lines = ["# Small inputs that once failed, and what intake makes of them", ""]
    for kind in ("formats", "dicom"):
        lines += [
            f"## {kind}",
            "",
            "| file | should be | is |",
            "|---|---|---|",
            *pictures(folder / kind),
            "",
        ]
    lines += [
        "## manifests",
        "",
        "| case | should give | gives |",
        "|---|---|---|",
        *manifests(folder),
        "",
    ]
    lines += [
        "## configurations",
        "",
        "| file | exit | says |",
        "|---|---|---|",
        *configurations(folder),
        "",
    ]
    RESULT.write_text("\n".join(lines), encoding="utf-8")
    print(RESULT.read_text(encoding="utf-8"))


def pictures(folder: Path) -> list[str]:
    """One row a file: refused with its reason, or the mean difference from the picture it should be."""
    rows = []
    right = np.load(folder / "expected.npz")
    with (folder / "expected.csv").open(encoding="utf-8") as table:
        for case in csv.DictReader(table):
            name = case["file"]
            try:
                shown, info = read_picture(folder / "pictures" / name)
                found = f"read ({info['bits']} bits)"
                if name in right.files:
                    found += f", {difference(shown, right[name]):.1f} grey levels off"
            except PictureError as error:
                found = f"refused: {error}"
            note = f" ({case['note']})" if case["note"] else ""
            rows.append(f"| {name}{note} | {case['expected']} | {found} |")
    return rows


def difference(shown: np.ndarray, right: np.ndarray) -> float:
    """Mean absolute difference of two pictures, at the size of the second."""
    if right.ndim == 2:
        right = np.repeat(right[..., None], 3, axis=2)
    resized = np.asarray(Image.fromarray(shown).resize(right.shape[1::-1]))
    return float(np.abs(resized.astype(float) - right).mean())


def manifests(folder: Path) -> list[str]:
    """One row a case: what intake takes and refuses, or the error it ends with."""
    with (folder / "manifest_cases.csv").open(encoding="utf-8") as table:
        cases = list(csv.DictReader(table))
    rows = []
    for case in cases:
        path = folder / case["case"] / "config.yaml"
        found = taken(path) if path.is_file() else "not in the folder"
        rows.append(
            f"| {case['case']} | {plain(case['expected'], folder)} | {plain(found, folder)} |"
        )
    return rows


def configurations(folder: Path) -> list[str]:
    """One row a configuration: what a dry run says of it."""
    rows = []
    for path in sorted((folder / "config_mistakes").glob("*.yaml")):
        with tempfile.TemporaryDirectory() as empty:
            copy = Path(empty) / "config.yaml"
            copy.write_bytes(in_new_keys(path.read_bytes()))
            run = subprocess.run(
                [SNAKEMAKE, "-n", "-q", "-s", SNAKEFILE, "--configfile", copy, "-d", empty],
                capture_output=True,
                text=True,
            )
        said = (run.stdout + run.stderr).replace(empty, "")
        said = said[max(0, said.rfind("Error")) :]
        rows.append(f"| {path.stem} | {run.returncode} | {plain(said, folder)} |")
    return rows


def in_new_keys(text: bytes) -> bytes:
    """The configuration with the keys that were renamed since the cases were made."""
    for old, new in NEW_KEYS.items():
        text = re.sub(rb"\b" + old, new, text)
    return text


def taken(path: Path) -> str:
    """What intake takes from the one release of a configuration, its warnings, or the error it ends with."""
    warnings: list[str] = []
    step = Step.null()
    step.warning = lambda text, *values: warnings.append(text % values)
    try:
        config = load(yaml.safe_load(in_new_keys(path.read_bytes())))
        (entry,) = config["releases"].values()
        source = entry["source"]
        root = data_path(source["root"], config["data_root"])
        manifest = data_path(source["manifest"], config["data_root"])
        inputs = IntakeInputs(Place(root, manifest))
        pool = pool_from_manifest(entry, inputs, config["seed"], 1, step)
        total = len(pool.table) + len(pool.refused)
        found = f"{len(pool.table)} pictures of {pool.table['person'].nunique()} patients"
        if pool.refused:
            found += f"; refused {reasons_in_words(pool.refused)}"
        if warnings:
            found += f"; warns: {'; '.join(warnings)}"
        check_share(pool.refused, total, entry["limits"]["max_refused_share"], "intake")
    except (AvatarflowError, yaml.YAMLError) as error:
        return f"refused: {error}"
    return found


def plain(text: str, folder: Path) -> str:
    """A table's cell: one line, no bars, no path of this machine."""
    text = text.replace(str(folder), "FOLDER").replace(f"{ROOT}/", "")
    return re.sub(r"\s+", " ", text).replace("|", "/").strip()[:400]


if __name__ == "__main__":
    main()
