"""The images wing goes on from a finished or killed run: in shards, after `kill -9`, without a withdrawn patient."""

import io
import os
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import project
from avatarflow.imaging.shards import read_pictures, read_table

RELEASE = "results/releases/tiny"


def test_three_shards_make_the_same_bytes(undisturbed, tmp_path):
    folder = tmp_path / "run"
    project.copy(undisturbed, folder)
    samples = folder / RELEASE / "samples"
    before = project.content(samples)
    for made in ("samples", "student", "release"):
        shutil.rmtree(folder / RELEASE / made)
    shutil.rmtree(folder / "results" / "state")
    project.run(folder, "--set-scatter", "sample=3", "--rerun-triggers", "mtime")
    assert project.content(samples) == before
    assert project.content(folder / RELEASE / "release") == project.content(
        undisturbed / RELEASE / "release"
    )


@pytest.mark.parametrize(
    "checkpoint",
    [
        "releases/tiny/finetune/**/network.safetensors",
        "releases/tiny/sample-teacher/**/block-*.safetensors",
    ],
)
def test_killed_and_started_again_it_ends_in_the_same_bytes(undisturbed, tmp_path, checkpoint):
    folder = tmp_path / "run"
    project.copy(undisturbed, folder)
    release = folder / RELEASE
    for made in (
        "samples",
        "release",
        "student",
        *(["teacher"] if "finetune" in checkpoint else []),
    ):
        shutil.rmtree(release / made)
    shutil.rmtree(folder / "results" / "state")
    project.run_and_kill(folder, lambda: any((folder / "results/state").glob(checkpoint)))
    assert list((folder / ".snakemake" / "locks").glob("*")), (
        "kill -9 leaves a lock; else this tests nothing"
    )
    done = project.run(folder)
    assert "a killed run left its lock behind" in done.stderr
    logs = " ".join(path.read_text() for path in (folder / "logs").rglob("*.log"))
    assert "state taken over from a dead writer" in logs
    assert project.content(release / "release") == project.content(
        undisturbed / RELEASE / "release"
    )
    assert project.content(release / "student") == project.content(
        undisturbed / RELEASE / "student"
    )


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
