#!/usr/bin/env python3
"""How well a run's encoder tells real eyes apart: retrieval, verification by field, specificity; and the matcher.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/fingerprint_fundus.py \
        DATA/eyes/manifest.csv RUN [RUN ...]

A RUN is a results/releases/<name> folder whose rule calibrate_cones is done (config/fundus.yaml);
several with other seeds are other splits and other encoders. The manifest's `field` is empty for
these sets: the field is told from how far the disc lies apart in two photographs of an eye, as a
share of the side. With --matcher the pairs that the data's README calls easy, on RIDB, are told
apart by the independent matcher as well.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from avatarflow.core.statistics import bootstrap
from avatarflow.imaging.io import read_picture, resize_square
from avatarflow.imaging.shards import read_table
from avatarflow.privacy.cones.calibration import recognition
from avatarflow.privacy.cones.cone import Cones, calibrate
from avatarflow.privacy.cones.decide import miss_rate, risks, specificity
from avatarflow.privacy.fingerprints.files import load_rows
from avatarflow.privacy.fingerprints.pair_errors import auc, eer
from avatarflow.privacy.fingerprints.retrieval import SAME_FILE
from avatarflow.privacy.search.neighbours import pair_angles
from avatarflow.privacy.verifier import matcher

RESULTS = Path(__file__).parent / "results" / "fingerprint_fundus.json"
BANDS = {
    "same field": (0.0, 0.04),
    "near field": (0.04, 0.08),
    "other field": (0.08, np.inf),
    "all": (0.0, np.inf),
}
MODES = (("reject-all", 0.05), ("conformal", 0.05), ("conformal", 0.02))
FAMILIES = [
    "rotation",
    "shift",
    "zoom",
    "crop",
    "flip",
    "brightness",
    "contrast",
    "gamma",
    "colour",
]
FAMILIES += ["blur", "noise", "jpeg", "occlusion", "elastic"]
Floats = npt.NDArray[np.float64]


def discs(manifest: pd.DataFrame) -> pd.DataFrame:
    """Where the disc lies in each original photograph, as shares of its width; by `orig_file`."""
    known = manifest[manifest["disc_x"].notna()].drop_duplicates("orig_file").set_index("orig_file")
    return pd.DataFrame({axis: known[f"disc_{axis}"] / known["orig_width"] for axis in "xy"})


def by_band(
    score: Floats,
    genuine: npt.NDArray[np.bool_],
    impostor: npt.NDArray[np.bool_],
    apart: Floats,
    who: Any,
) -> dict[str, Any]:
    """AUC and equal error rate of same-eye pairs by how far the disc moved; intervals over persons."""
    impostors, out = np.sort(score[impostor]), {}
    for name, (low, high) in BANDS.items():
        here = genuine & ((apart >= low) & (apart < high) | (name == "all"))
        groups = [score[here & (who == person)] for person in np.unique(who[here])]
        if not groups:
            continue
        figures: dict[str, Any] = {"pairs": int(here.sum()), "persons": len(groups)}
        for label, figure in (("auc", auc), ("eer", eer)):
            interval = bootstrap(
                lambda rows, f=figure, g=groups: f(np.concatenate([g[row] for row in rows]), impostors),
                len(groups), 1, 500,
            )  # fmt: skip
            figures[label] = [figure(score[here], impostors), *interval]
        figures["median"], figures["largest"] = (
            float(np.median(score[here])),
            float(score[here].max()),
        )
        out[name] = figures
    return out


def measure(run: Path, manifest: pd.DataFrame) -> dict[str, Any]:
    """One encoder on its own split: nothing here is of persons who trained it, but the gallery."""
    table, privacy = read_table(run / "pool/pictures"), run / "privacy"
    cones = Cones.read(privacy / "cones.safetensors")
    names = ("originals", "perturbations.test", "perturbations.calibration")
    rows, test, calibration = (
        np.asarray(load_rows(privacy / f"{name}.safetensors", cones.encoder)) for name in names
    )
    people = {
        role: table.loc[table["role"] == role, "person"].to_numpy()
        for role in ("test", "calibration")
    }
    whose = {role: np.repeat(people[role], test.shape[1]) for role in people}
    heldout = (table["role"] == "heldout").to_numpy()
    out: dict[str, Any] = {
        "run": run.name,
        "calibration_persons": len(set(people["calibration"])),
        "modes": {},
    }
    retrieval = recognition(table, rows, test, FAMILIES, 1)["retrieval"]
    out["rank1"] = next(row for row in retrieval if row["family"] == "all")
    disc = discs(manifest).reindex(manifest["orig_file"].iloc[table["row"].to_numpy() - 1])
    first, second = np.triu_indices(len(table), 1)
    angle, person, eye = np.empty(len(first)), table["person"].to_numpy(), table["eye"].to_numpy()
    for block in np.array_split(np.arange(len(first)), 50):
        angle[block] = pair_angles(rows[first[block]], rows[second[block]])
    apart = np.hypot(
        *(disc[axis].to_numpy()[first] - disc[axis].to_numpy()[second] for axis in "xy")
    )
    unseen = (table["role"] != "encoder").to_numpy()
    both = unseen[first] & unseen[second] & (angle > SAME_FILE)
    genuine = both & (eye[first] == eye[second]) & (eye[first] >= 0)
    out["verification_deg"] = by_band(
        np.degrees(angle), genuine, both & (person[first] != person[second]), apart, person[first]
    )
    gallery = np.flatnonzero(~heldout)
    for mode, alpha in MODES:
        done, promised = calibrate(
            cones, calibration.reshape(-1, rows.shape[1]), whose["calibration"], mode, alpha
        )
        half = dict(zip(gallery.tolist(), done.half_angles_rad, strict=True))
        covered = {}
        for name, (low, high) in BANDS.items():
            pairs = np.flatnonzero(genuine & ((apart >= low) & (apart < high) | (name == "all")))
            pairs = [p for p in pairs if first[p] in half and second[p] in half]
            inside = [angle[p] <= half[i] for p in pairs for i in (first[p], second[p])]
            covered[name] = {
                "directed_pairs": len(inside),
                "covered": float(np.mean(inside)) if inside else None,
            }
        out["modes"][f"{mode} {alpha}" if mode == "conformal" else mode] = {
            "specificity": specificity(done, rows[heldout], person[heldout], 1).as_dict(),
            "miss": miss_rate(done, test.reshape(-1, rows.shape[1]), whose["test"]).as_dict(),
            "promised": asdict(promised.coverage),
            "half_angle_deg": np.degrees(
                np.quantile(done.half_angles_rad, [0.05, 0.5, 0.95])
            ).tolist(),
            "own_cone_covers_second_photograph": covered,
            "heldout_risky": (risks(rows[heldout], done) <= 1).astype(int).tolist(),
        }
    return out


def measure_matcher(manifest: pd.DataFrame, root: Path, view: str, count: int) -> dict[str, Any]:
    """The matcher on RIDB: all same-eye pairs, and as many pairs of two persons as asked for, drawn with one seed."""
    part = manifest[(manifest["dataset"] == "ridb") & (manifest["view"] == view)].reset_index(
        drop=True
    )
    match = matcher("fundus")
    kept = [
        match.template(resize_square(read_picture(root / name)[0], 128)) for name in part["file"]
    ]
    first, second = np.triu_indices(len(part), 1)
    eye, person = part["eye_id"].to_numpy(), part["same_person_guess"].to_numpy()
    genuine, impostor = eye[first] == eye[second], person[first] != person[second]
    drawn = np.random.default_rng(1).choice(
        np.flatnonzero(impostor), min(count, int(impostor.sum())), replace=False
    )
    chosen = np.sort(np.concatenate([np.flatnonzero(genuine), drawn]))
    score = np.array([-match.similarity(kept[first[p]], kept[second[p]]) for p in chosen])
    disc = discs(manifest).reindex(part["orig_file"])
    apart = np.hypot(
        *(disc[axis].to_numpy()[first] - disc[axis].to_numpy()[second] for axis in "xy")
    )[chosen]
    figures = by_band(score, genuine[chosen], impostor[chosen], apart, person[first][chosen])
    return {
        "impostors": len(drawn),
        "largest_impostor_similarity": float(-score[impostor[chosen]].min()),
        **figures,
    }


def main() -> None:
    """Measure every run and, where asked, the matcher; write the figures after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--matcher", action="store_true")
    parser.add_argument("--impostors", type=int, default=600)
    asked = parser.parse_args()
    manifest = pd.read_csv(asked.manifest)
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"runs": []}
    if asked.runs:
        found["runs"] = [measure(run, manifest) for run in asked.runs]
        write(found)
    for view in ("papilla", "fundus") if asked.matcher else ():
        found[f"matcher_{view}"] = measure_matcher(
            manifest, asked.manifest.parent, view, asked.impostors
        )
        write(found)


def write(found: dict[str, Any]) -> None:
    """Keep the figures so far."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
