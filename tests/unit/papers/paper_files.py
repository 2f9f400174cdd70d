"""What items of papers are made of, written small: two releases, a benchmark, and a study's results."""

import io
import json

import numpy as np
import pandas as pd
from PIL import Image

from avatarflow.imaging.shards import write_shards

CONDITIONS = {"sex": ["female", "male"], "eye_side": ["left", "right"]}
FACTS = {"family": "diffusion", "generated": "fundus", "conditions": CONDITIONS}


def figure(value, low=None, high=None, n=10):
    return {"value": value, "low": low, "high": high, "n": n}


def png(colour=120):
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), (colour, 20, 20)).save(stream, "PNG")
    return stream.getvalue()


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return str(path)


def write_pictures(folder, rejected=(0,)):
    """Twelve candidates, each of one grey, three of each combination; and the decisions."""
    table = pd.DataFrame(
        {
            "candidate": [f"student-{number:06d}" for number in range(12)],
            "sex": ["female", "male"] * 6,
            "eye_side": ["left", "left", "right", "right"] * 3,
            "guidance": 2.0,
        }
    )
    grey = np.arange(12, dtype=np.uint8)[:, None, None, None]
    write_shards(folder / "pictures", np.broadcast_to(grey, (12, 8, 8, 3)), table)
    decisions = pd.DataFrame(
        {
            "candidate": table["candidate"],
            "accepted": [number not in rejected for number in range(12)],
            "risk": 1.5,
            "matched_original": 1,
        }
    )
    decisions.to_parquet(folder / "decisions.parquet")
    return {
        "pictures": str(folder / "pictures"),
        "decisions": str(folder / "decisions.parquet"),
        "certificate": write_certificate(folder),
    }


def write_certificate(folder, decision="pass", reasons=()):
    counts = {name: {"came": 12, "went_on": 11} for name in ("originals", "teacher", "student")}
    counts["release"] = {"came": 11, "went_on": 11 if decision == "pass" else 0}
    content = {"decision": decision, "reasons": list(reasons), "measured": {"counts": counts}}
    release = folder / "release"
    if decision == "pass":
        table = pd.DataFrame(
            {"sex": ["female", "male", "male"], "eye_side": ["left", "left", "left"]}
        )
        write_shards(release / "data", np.zeros((3, 8, 8, 3), np.uint8), table)
        (release / "contact_sheet.png").write_bytes(png())
    return write_json(release / "certificate.json", content)


def attack(target, access, name, auc, conclusion="inconclusive", view=""):
    return {"target": target, "access": access, "attack": name, "view": view, "conclusion": conclusion,
            "auc": auc and figure(auc, auc - 0.1, auc + 0.1)}  # fmt: skip


ATTACKS = [
    attack("teacher", "model", "loss", 0.7, "fail"),
    attack("student", "model", "loss", 0.55),
    attack("teacher", "data", "linkage", None, view="pixels"),
    attack("student", "data", "linkage", 0.5, "pass", "pixels"),
    attack("release", "data", "linkage", 0.52, "pass", "pixels"),
    attack("release", "data", "attribute", 0.58, "pass"),
]


def write_quality(folder, kid_ratio=0.8):
    metrics = {
        "counts": {"released": 11},
        "worst": {
            "kid_ratio": {**figure(kid_ratio, 0.5, 1.0), "encoder": "wavelets"},
            "coverage_ratio": {**figure(None), "encoder": None},
        },
        "agreement": {column: {"asked": figure(0.9, 0.8, 1.0)} for column in CONDITIONS},
    }
    rows = [
        (stage, scale, 20, kind, measure, value, value - 0.05, value + 0.05, 40)
        for stage, scales, shift in (("teacher", (1.0, 2.0), 0.1), ("student", (2.0, 3.0), 0.0))
        for scale in scales
        for kind in ("drawn", "accepted")
        for measure, value in (("rejected", scale / 10 + shift), ("kid: wavelets", 3.0 + shift))
        if (kind, measure) != ("accepted", "rejected")
    ]
    columns = ["stage", "guidance", "steps", "pictures", "measure", "value", "low", "high", "n"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "frontier.tsv", sep="\t", index=False)
    return {
        "metrics": write_json(folder / "metrics.json", metrics),
        "attacks": write_json(folder / "attacks.json", {"rows": ATTACKS}),
        "frontier": str(folder / "frontier.tsv"),
    }


def write_plane(folder):
    plane = pd.DataFrame(
        {"beta": [0.0, 0.0, 1.0, 1.0], "c": [1.0, 2.0, 1.0, 2.0], "border": [1.5, 1.5, np.inf, np.inf],
         "at_border_passing": [0.75, 0.75, np.nan, np.nan]}
    )  # fmt: skip
    plane.to_csv(folder / "plane.tsv", sep="\t", index=False)
    (folder / "plane.png").write_bytes(png())
    calibration = {"c": 1.25, "specificity": figure(0.8, 0.7, 0.9), "miss": figure(0.0, 0.0, 0.1)}
    return {
        "plane": str(folder / "plane.tsv"),
        "picture": str(folder / "plane.png"),
        "calibration": write_json(folder / "calibration.json", calibration),
    }


def write_results(folder, made_by="machines"):
    rates = {"guidance 1.0": figure(0.4, 0.3, 0.5), "real": figure(0.2, 0.1, 0.3)}
    results = {
        "made_by": made_by, "remark": "Answers made by machines.", "readers": 4, "answers": 48,
        "origin": {"called_synthetic": rates, "called_synthetic_raw": rates,
                   "told_apart": {"guidance 1.0": figure(0.6, 0.5, 0.7)}},
    }  # fmt: skip
    (folder / "recognition.png").write_bytes(png())
    return {
        "results": write_json(folder / "results.json", results),
        "picture": str(folder / "recognition.png"),
    }


def write_scores(folder):
    shares = {"sensitivity": 0.9, "sensitivity_low": 0.8, "sensitivity_high": 0.95,
              "specificity": 1.0, "specificity_low": 0.97, "specificity_high": 1.0}  # fmt: skip
    counted = {"tp": 90, "fn": 10, "tn": 100, "fp": 0}
    head = {"tool": "minimap2", "setting": "map-ont", "error": 0.05, "variation": 0.001}
    rows = [
        {**head, "stratum": "all", "status": "ok", **counted, **shares},
        {**head, "stratum": "part:panel", "status": "ok", **counted, **shares},
        {**head, "tool": "bwa", "stratum": "all", "status": "not installed"},
    ]
    pd.DataFrame(rows).to_csv(folder / "scores.tsv", sep="\t", index=False)
    (folder / "scores.png").write_bytes(png())
    return {"scores": str(folder / "scores.tsv"), "picture": str(folder / "scores.png")}
