"""A working directory of a small clinic: originals, a pool, outputs behind it, and what Snakemake records of them."""

import base64
import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from avatarflow.config.loading import load
from avatarflow.core.paths import write_json
from avatarflow.intake.sources.rows import Place
from avatarflow.intake.sources.withdrawn import IntakeInputs
from avatarflow.intake.step import take_in
from avatarflow.runs.context import Step

ENTRY = "releases/eyes"
HOME = Path("results") / ENTRY
PERSONS = 6


def config(**changes):
    """A checked configuration of one release; the paths are relative to the working directory."""
    entry = {
        "source": {"manifest": "data/m.csv", "root": "data"},
        "patient_id_columns": ["patient"],
        "size_px": 16,
        "gates": {},
        "withdrawn": "data/gone.csv",
        "base": {"folder": "data"},
        **changes,
    }
    return load({"releases": {"eyes": entry}, "compute": {"threads": 1}})


def rows():
    return [{"file": f"{n}.png", "patient": f"p{n // 2}"} for n in range(2 * PERSONS)]


def list_gone(*patients):
    Path("data/gone.csv").write_text("\n".join(["patient", *patients]) + "\n")


def write_originals(listed=None):
    """Write pictures and manifest; nobody has withdrawn."""
    Path("data").mkdir(exist_ok=True)
    for n in range(2 * PERSONS):
        pixels = np.random.default_rng(n).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(f"data/{n}.png")
    pd.DataFrame(listed or rows()).to_csv("data/m.csv", index=False)
    list_gone()


def make_pool(settings, entry=ENTRY, **inputs):
    """Take the originals in, and record it as Snakemake does."""
    home = Path("results") / entry
    part = settings["releases"]["eyes"]
    given = IntakeInputs(Place("data", "data/m.csv"), withdrawn=part["withdrawn"], **inputs)
    places = [str(home / name) for name in ("pool/pictures", "pool/summary.json", "refused.csv")]
    outputs = dict(zip(("pictures", "summary", "refused"), places, strict=True))
    take_in(part, given, 3, 1, outputs, Step.null())
    for number, path in enumerate(places[:2]):
        record(path, "intake", ["data/m.csv"], [repr(places[2]), repr(entry)], 10 + number)


def record(path, rule, inputs=(), params=(), ended=20.0):
    """What Snakemake keeps of an output."""
    folder = Path(".snakemake/metadata")
    folder.mkdir(parents=True, exist_ok=True)
    content = {"rule": rule, "input": list(inputs), "params": list(params), "endtime": ended}
    name = base64.urlsafe_b64encode(str(path).encode()).decode()
    (folder / name).write_text(json.dumps(content))


def made(path, rule, *inputs, ended=20.0, params=(), content="of a patient"):
    """Write an output and its record."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(content)
    record(path, rule, map(str, inputs), params, ended)


def make_release(home=HOME, decision="pass"):
    """What stands behind a pool, to its release; some of it is not declared."""
    pool, entry = home / "pool/pictures", repr(str(home.relative_to("results")))
    state = repr(f"results/state/{home.relative_to('results')}/finetune")
    made(home / "teacher/model_index.json", "finetune", pool, params=[entry, state])
    (home / "teacher/weights.safetensors").write_text("of a patient")
    made(home / "privacy/cones.safetensors", "calibrate_cones", pool, params=[entry])
    made(home / "student/model_index.json", "distill", home / "teacher/model_index.json")
    pd.DataFrame(
        {
            "matched_original": [1, 3, 3, 4],
            "accepted": [True, True, False, True],
            "risk": [1.5, 1.25, 0.5, 1.125],
        }
    ).to_parquet(home / "privacy/student.decisions.parquet")
    record(home / "privacy/student.decisions.parquet", "judge_candidates", [str(pool)], ended=21)
    attacks = {"rows": [{"worst": {"person": n}, "conclusion": "pass"} for n in range(PERSONS)]}
    made(home / "attacks/attacks.json", "join_attacks", pool, content=json.dumps(attacks))
    student = home / "student/model_index.json"
    certificate = json.dumps({"decision": decision, "reasons": []})
    made(home / "release/certificate.json", "release", student, ended=22, content=certificate)
    (home / "release/data").mkdir()
    (home / "release/data/00000.parquet").write_text("avatars")
    made(home / "report.html", "officer_report", home / "release/certificate.json", ended=23)
    state_folder = Path("results/state") / home.relative_to("results") / "finetune"
    state_folder.mkdir(parents=True, exist_ok=True)
    (state_folder / "checkpoint.safetensors").write_text("of a patient")


def run_record(kind, entry=ENTRY, start_ms=1, status="FINISHED", artifacts=()):
    """A job's record, as the import into MLflow reads it."""
    identity = f"{start_ms:013d}-{kind}-0"
    fields = {
        "id": identity, "kind": kind, "entry": entry, "status": status, "start_ms": start_ms,
        "end_ms": start_ms + 1, "git_commit": "c", "params": {}, "artifacts": list(artifacts),
    }  # fmt: skip
    write_json(f"results/records/{identity}.json", fields)
