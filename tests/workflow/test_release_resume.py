"""The images wing goes on from a finished or killed run: in shards, after `kill -9`, without a withdrawn patient."""

import io
import os
import shutil

import numpy as np
import pandas as pd
from PIL import Image

import project
from avatarflow.imaging.shards import read_pictures, read_table

RELEASE = "results/releases/tiny"


def test_killed_twice_and_ended_in_three_shards_it_has_the_same_bytes(undisturbed, tmp_path):
    folder = tmp_path / "run"
    project.copy(undisturbed, folder)
    parts = ("samples", "teacher", "student", "release")
    for made in parts:
        shutil.rmtree(folder / RELEASE / made)
    state = folder / "results" / "state"
    shutil.rmtree(state)
    sharded = ("--set-scatter", "sample=3", "--rerun-triggers", "mtime")
    for checkpoint in ("finetune/**/network.safetensors", "sample-teacher/**/block-*.safetensors"):
        moment = f"releases/tiny/{checkpoint}"
        project.run_and_kill(folder, lambda m=moment: any(state.glob(m)), *sharded, limit_s=900)
        assert list((folder / ".snakemake" / "locks").glob("*")), (
            "kill -9 leaves a lock; else this tests nothing"
        )
    done = project.run(folder, *sharded)
    assert "a killed run left its lock behind" in done.stderr
    for step in ("finetune", "sample.teacher"):
        logs = [path.read_text() for path in (folder / "logs").rglob(f"{step}*.log")]
        assert any("state taken over from a dead writer" in text for text in logs), step
    for made in parts:
        assert project.content(folder / RELEASE / made) == project.content(
            undisturbed / RELEASE / made
        ), made


def withdrawn_traces(folder, picture, patient):
    """Files under `results` and `logs` that hold a picture or an identifier, or weights trained on it."""
    traces = []
    for path in sorted(
        path for top in ("results", "logs") for path in (folder / top).rglob("*") if path.is_file()
    ):
        data = path.read_bytes()
        shown = False
        if path.suffix == ".parquet" and "image" in (table := pd.read_parquet(path)).columns:
            pictures = [
                np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in table["image"]
            ]
            shown = any(np.array_equal(each, picture) for each in pictures)
        if shown or patient.encode() in data or "results/state" in path.as_posix():
            traces.append(path.relative_to(folder).as_posix())
    return traces


def test_a_withdrawn_patient_is_gone_after_the_next_run_even_behind_a_killed_one(
    undisturbed, tmp_path
):
    folder = tmp_path / "run"
    project.copy(undisturbed, folder)
    pool = folder / RELEASE / "pool/pictures"
    picture = read_pictures(pool)[int(np.flatnonzero(read_table(pool)["row"] == 1)[0])]
    patient = f"{project.CANARY}-000"
    state = folder / "results/state"
    project.run_and_kill(
        folder, lambda: any(state.rglob("network.safetensors")), "--forcerun", "finetune"
    )
    shutil.copytree(pool, pool.parent / ".writing-pictures-killed")
    before = withdrawn_traces(folder, picture, patient)
    assert any("state/" in trace for trace in before), "a checkpoint; else this tests nothing"
    assert any(".writing-" in trace for trace in before)
    assert any("pool/pictures/" in trace for trace in before)

    manifest = pd.read_csv(folder / "data/manifest.csv")
    gone = manifest["patient_id"] == patient
    for name in manifest.loc[gone, "file"]:
        (folder / "data" / name).unlink()
    times = (folder / "data/manifest.csv").stat()
    manifest[~gone].to_csv(folder / "data/manifest.csv", index=False)
    # restored with an older date
    os.utime(folder / "data/manifest.csv", (times.st_atime, times.st_mtime - 1000))
    project.run(folder)
    assert withdrawn_traces(folder, picture, patient) == []
