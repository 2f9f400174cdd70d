"""The images wing end to end on a tiny release: what it leaves, what it never leaks, how it resumes."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import project
from avatarflow.imaging.shards import read_pictures, read_table
from dossier_check import Page, problems

RELEASE = "results/releases/tiny"


def test_a_release_is_whole(undisturbed):
    release = undisturbed / RELEASE / "release"
    assert project.decision(undisturbed) == "pass"
    sums = dict(
        reversed(line.split("  ")) for line in (release / "SHA256SUMS").read_text().splitlines()
    )
    on_disk = {name for name in project.content(release) if name != "SHA256SUMS"}
    assert set(sums) == on_disk
    assert all(
        hashlib.sha256((release / name).read_bytes()).hexdigest() == digest
        for name, digest in sums.items()
    )


def test_another_generator_family_reaches_a_decision_by_config_alone(tmp_path):
    changes = {"releases__tiny__generator": {"family": "pca_gaussian"}, "releases__tiny__base": {}}
    folder = project.prepare(tmp_path / "run", **changes)
    project.run(folder)
    release = folder / RELEASE / "release"
    certificate = json.loads((release / "certificate.json").read_text())
    assert certificate["decision"] == "pass"
    # no attack can ask it, so it stays
    assert certificate["model_gate"]["result"] == "inconclusive"
    assert not (release / "model").exists()


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_number_of_the_dossier_is_in_a_result_file(undisturbed, language):
    text = (undisturbed / RELEASE / "dossier" / f"{language}.html").read_text()
    assert problems(text, undisturbed / RELEASE) == []
    assert len(Page(text).numbers) > 100
    assert project.CANARY not in text


def test_every_candidate_has_a_decision_and_only_accepted_ones_are_released(undisturbed):
    decisions = pd.read_parquet(undisturbed / RELEASE / "privacy" / "decisions.parquet")
    columns = [
        "candidate",
        "risk",
        "accepted",
        "reason",
        "matched_original",
        "angle_rad",
        "threshold_rad",
        "stage",
    ]
    assert list(decisions.columns) == columns
    for stage in ("teacher", "student"):
        sampled = read_table(undisturbed / RELEASE / "samples" / stage / "pictures")
        assert list(decisions.loc[decisions["stage"] == stage, "candidate"]) == list(
            sampled["candidate"]
        )
    ratio = decisions["angle_rad"] / decisions["threshold_rad"]
    assert (ratio - decisions["risk"]).abs().max() < 1e-9
    outside = decisions["risk"] > 1
    assert not (decisions["accepted"] & ~outside).any()
    assert decisions.loc[outside & ~decisions["accepted"], "reason"].str.contains("verifier").all()
    released = read_table(undisturbed / RELEASE / "release" / "data")
    assert 0 < len(released) <= (decisions["accepted"] & (decisions["stage"] == "student")).sum()


def test_nobody_is_asked_who_was_not_configured(undisturbed):
    certificate = json.loads((undisturbed / RELEASE / "release/certificate.json").read_text())
    assert "near_duplicates" not in {**certificate["measured"], **certificate["asked"]}
    assert certificate["asked"]["verifier"]["matcher"] == "keypoints"  # the default
    names = {path.name for path in (undisturbed / RELEASE / "privacy").iterdir()}
    assert "student.decisions.parquet" in names
    assert "student.verifier.parquet" in names
    assert not [name for name in names if "near" in name]


def test_the_student_and_the_release_open_in_a_fresh_process(undisturbed):
    code = f"""
import json, torch
from datasets import load_dataset
from diffusers import DiffusionPipeline
pipe = DiffusionPipeline.from_pretrained({str(undisturbed / RELEASE / "student")!r})
picture = pipe(pipe.get_label_ids(["female right"]), num_inference_steps=2, guidance_scale=2.0).images[0]
data = load_dataset({str(undisturbed / RELEASE / "release")!r}, split="train", cache_dir={str(undisturbed / "cache")!r})
print(json.dumps([picture.size, data[0]["image"].size, sorted(data.column_names)]))
"""
    environment = {**project.environment(), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    size, released, columns = json.loads(done.stdout.splitlines()[-1])
    shutil.rmtree(undisturbed / "cache")
    assert size == released == [32, 32]
    assert {"image", "sex", "eye_side"} <= set(columns)


def test_a_canary_in_ids_exif_and_file_names_reaches_no_output(undisturbed):
    canary = project.CANARY.encode()
    places = [f"{RELEASE}/release", f"{RELEASE}/student", "logs"]
    places += [f"results/{name}" for name in ("mlflow", "records", "benchmarks")]
    looked_at = 0
    for place in places:
        for name, data in project.content(undisturbed / place).items():
            assert canary not in data, f"{place}/{name}"
            assert project.CANARY not in name
            looked_at += 1
    for name in ("report.html", "refused.csv"):
        assert canary not in (undisturbed / RELEASE / name).read_bytes()
    assert looked_at > 30
    # the search itself can find it
    assert canary in (undisturbed / "data/manifest.csv").read_bytes()


def test_a_second_invocation_has_nothing_to_do(undisturbed):
    assert project.planned(undisturbed) == set()


def test_three_shards_make_the_same_bytes(undisturbed, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(undisturbed, folder, symlinks=True)
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
    shutil.copytree(undisturbed, folder, symlinks=True)
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
    shutil.copytree(undisturbed, folder, symlinks=True)
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


@pytest.fixture
def copied_project(undisturbed, tmp_path):
    """A copy of the workflow whose code may be edited, and the finished run made with its original."""
    root = tmp_path / "project"
    shutil.copytree(
        project.ROOT / "workflow", root / "workflow", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(project.ROOT / "envs", root / "envs")
    return root


def edit(root, module, change):
    path = root / "workflow" / "scripts" / "avatarflow" / module
    before = path.read_text()
    assert change(before) != before, f"nothing of {module} was changed"
    path.write_text(change(before))


def test_an_edited_comment_changes_nothing(undisturbed, copied_project):
    edit(
        copied_project,
        "privacy/cones/cone.py",
        lambda text: "# a comment\n" + text.replace('"""The Cone', '"""A Cone', 1),
    )
    assert project.planned(undisturbed, root=copied_project) == set()


def test_an_edited_line_of_the_cone_reruns_exactly_its_users(undisturbed, copied_project):
    edit(
        copied_project,
        "privacy/cones/cone.py",
        lambda text: text.replace("SEARCHED = 32", "SEARCHED = 33", 1),
    )
    planned = project.planned(undisturbed, root=copied_project)
    users = {"calibrate_cones", "compare_baselines", "verify_candidates", "judge_candidates"}
    behind = {"join_decisions", "distill", "sample", "collect_samples", "fingerprint_candidates", "evaluate",
              "nearest_pairs", "release", "officer_report", "release_dossier", "track", "attack_pictures",
              "attack_generator", "join_attacks", "frontier"}  # fmt: skip
    assert users <= planned <= users | behind
    assert not planned & {
        "intake",
        "augment",
        "pretrain",
        "finetune",
        "fit_fingerprint",
        "fingerprint_originals",
    }
