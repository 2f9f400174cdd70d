"""The images wing goes on from a finished or killed run: in shards, after `kill -9`, without a withdrawn patient."""

import io
import json
import shutil

import numpy as np
import pandas as pd
from PIL import Image

import project
from avatarflow.imaging.phantom.eyes import draw_eyes
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


GONE = f"{project.CANARY}-GONE"


def add_patient(folder):
    """Let a patient come: two photographs, amid the manifest."""
    pictures, table = draw_eyes("fundus", [88, 89], [0, 0], 48, 11)
    rows = []
    for number, (picture, eye) in enumerate(zip(pictures, table.itertuples(), strict=True)):
        name = f"{GONE}_{number}.jpg"
        Image.fromarray(picture).save(folder / "data" / name, quality=97)
        rows.append({"file": name, "patient_id": GONE, "eye_side": eye.eye_side, "sex": eye.sex})
    manifest = pd.read_csv(folder / "data/manifest.csv")
    parts = [manifest[:20], pd.DataFrame(rows).assign(note=project.CANARY), manifest[20:]]
    pd.concat(parts).to_csv(folder / "data/manifest.csv", index=False)


def traces(folder, pictures):
    """Files that hold one of the pictures or the patient's identifier, or weights while they are trained."""
    found = []
    for top in ("results", "logs", ".snakemake"):
        for path in sorted(path for path in (folder / top).rglob("*") if path.is_file()):
            data = path.read_bytes()
            shown = False
            if path.suffix == ".parquet" and "image" in (table := pd.read_parquet(path)).columns:
                each = [
                    np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in table["image"]
                ]
                shown = any(np.array_equal(one, other) for one in each for other in pictures)
            if shown or GONE.encode() in data or "results/state" in path.as_posix():
                found.append(path.relative_to(folder).as_posix())
    return found


def test_a_withdrawn_patient_is_gone_and_a_run_has_the_bytes_of_a_world_without_him(
    undisturbed, tmp_path
):
    folder = tmp_path / "run"
    project.copy(undisturbed, folder)
    add_patient(folder)
    state, pool = folder / "results/state", folder / RELEASE / "pool/pictures"
    project.run_and_kill(
        folder,
        lambda: any(state.rglob("network.safetensors")),
        f"{RELEASE}/teacher/model_index.json",
        limit_s=900,
    )
    shutil.copytree(pool, pool.parent / ".writing-pictures-killed")
    pictures = read_pictures(pool)[np.isin(read_table(pool)["row"], (21, 22))]
    before = " ".join(traces(folder, pictures))
    for place in ("pool/pictures/", "pool/.writing-", "results/state/"):
        assert place in before, "else this tests nothing"

    (folder / "data/withdrawn.csv").write_text(f"patient_id\n{GONE}\n")
    project.write_config(folder, releases__tiny__withdrawn="data/withdrawn.csv")
    said = project.withdraw(folder).stderr
    assert "releases/tiny: 1 withdrawn list; made of an earlier pool; " in said
    assert GONE not in said
    assert traces(folder, pictures) == []
    assert not (folder / RELEASE).exists()

    journal = folder / "results/withdrawals/begun.json"
    journal.touch()  # as if it had been killed
    done = project.run(folder, "--dry-run", check=False)
    assert done.returncode != 0
    assert "withdrawal: one was begun and has not ended" in done.stderr + done.stdout
    journal.unlink()

    project.run(folder)
    assert traces(folder, pictures) == []
    never = project.content(undisturbed / RELEASE)
    now = project.content(folder / RELEASE)
    assert {name for name in {*never, *now} if never.get(name) != now.get(name)} == set()

    assert "files were made again" in project.withdraw(folder).stderr
    (second,) = (folder / "results/withdrawals").glob("*.rerun.json")
    made = {one["path"] for one in json.loads(second.read_text())["made_again"]}
    assert {f"{RELEASE}/{name}" for name in ("pool/pictures/00000.parquet", "report.html")} <= made
