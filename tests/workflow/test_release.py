"""The images wing end to end on a tiny release: what it leaves, what it never leaks, what an edit makes anew."""

import hashlib
import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import page_counts
import project
from avatarflow.imaging.shards import read_table
from dossier_check import Page, problems
from pdf_check import differences, flaws, sheets_of

RELEASE = "results/releases/tiny"


def test_a_release_is_whole(undisturbed):
    release = undisturbed / RELEASE / "release"
    assert project.decision(undisturbed) == "pass"
    sums = dict(
        reversed(line.split("  ")) for line in (release / "SHA256SUMS").read_text().splitlines()
    )
    on_disk = set(project.content(release)) - {"SHA256SUMS", "SHA256SUMS.sig"}
    assert set(sums) == on_disk
    assert all(
        hashlib.sha256((release / name).read_bytes()).hexdigest() == digest
        for name, digest in sums.items()
    )


def test_the_release_is_signed_and_nothing_of_the_key_is_left_anywhere(undisturbed):
    release = undisturbed / RELEASE / "release"
    lines = (project.keys_of(undisturbed) / "key.pem").read_text().splitlines()
    key = load_pem_private_key("\n".join(lines).encode(), None)
    data = (release / "SHA256SUMS").read_bytes()
    key.public_key().verify((release / "SHA256SUMS.sig").read_bytes(), data)
    secrets = (lines[1].encode(), key.private_bytes_raw(), key.private_bytes_raw().hex().encode())
    for path in undisturbed.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            assert not any(secret in content for secret in secrets), path


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_number_of_the_dossier_is_in_a_result_file(undisturbed, language):
    page = undisturbed / RELEASE / "dossier" / f"{language}.html"
    text, sheets = page.read_text(), sheets_of(page.with_suffix(".pdf"))
    assert problems(text, undisturbed / RELEASE) == []
    assert differences(sheets, text) == flaws(page.with_suffix(".pdf")) == []
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


def test_the_student_and_the_release_open_in_a_fresh_process(undisturbed, tmp_path):
    code = f"""
import json, torch
from datasets import load_dataset
from diffusers import DiffusionPipeline
pipe = DiffusionPipeline.from_pretrained({str(undisturbed / RELEASE / "student")!r})
picture = pipe(pipe.get_label_ids(["female right"]), num_inference_steps=2, guidance_scale=2.0).images[0]
data = load_dataset({str(undisturbed / RELEASE / "release")!r}, split="train", cache_dir={str(tmp_path)!r})
print(json.dumps([picture.size, data[0]["image"].size, sorted(data.column_names)]))
"""
    environment = {**project.environment(), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    size, released, columns = json.loads(done.stdout.splitlines()[-1])
    assert size == released == [32, 32]
    assert {"image", "sex", "eye_side"} <= set(columns)


def test_a_canary_in_ids_exif_dicom_and_file_names_reaches_no_output(undisturbed):
    canary = project.CANARY.encode()
    places = [f"{RELEASE}/release", f"{RELEASE}/student", "logs"]
    places += [f"results/{name}" for name in ("mlflow", "records", "benchmarks")]
    looked_at = 0
    for place in places:
        for name, data in project.content(undisturbed / place).items():
            assert canary not in project.words_in(name, data), f"{place}/{name}"
            assert project.CANARY not in name
            looked_at += 1
    page_counts.check((undisturbed / RELEASE / "report.html").read_text(encoding="utf-8"))
    for name in ("report.html", "refused.csv"):
        assert canary not in (undisturbed / RELEASE / name).read_bytes()
    assert looked_at > 30
    # the search itself can find it
    assert canary in (undisturbed / "data/manifest.csv").read_bytes()
    (device,) = (undisturbed / "data").glob("*.dcm")
    assert device.read_bytes().count(canary) == 15


def test_texts_of_the_config_that_are_for_the_site_alone_are_in_no_export(undisturbed):
    word = project.UNPUBLISHED.encode()
    files = project.content(undisturbed / RELEASE / "release")
    exports = {
        "croissant.json",
        "dcat-ap.jsonld",
        "health-dcat-ap.jsonld",
        "ro-crate-metadata.json",
    }
    assert exports | {"dicom/000000.dcm", "data/00000.parquet"} <= set(files)
    for name, data in files.items():
        assert word not in project.words_in(name, data), name
    assert (undisturbed / "config.yaml").read_bytes().count(word) == 3
    # a table's cells are seen by this search
    table = (undisturbed / RELEASE / "release/data/00000.parquet").read_bytes()
    assert b"female" in project.words_in("x.parquet", table)


def test_a_second_invocation_has_nothing_to_do(undisturbed):
    assert project.planned(undisturbed) == set()


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


def test_what_a_private_training_cost_stands_in_the_certificate(undisturbed, tmp_path):
    folder = tmp_path / "run"
    project.copy(undisturbed, folder)
    asked = {"epsilon": 8.0, "delta": 1e-3, "patients": 4, "views": 2}
    project.write_config(folder, releases__tiny__differential_privacy=asked)
    rules = ("finetune", "release")
    target = f"{RELEASE}/release/certificate.json"
    project.run(
        folder, target, "--forcerun", *rules, "--allowed-rules", *rules, "--rerun-triggers", "mtime"
    )
    certificate = json.loads((folder / target).read_text())
    spent = certificate["measured"]["differential_privacy"]
    assert 0 < spent["epsilon"] <= 8
    assert spent["delta"] == 1e-3
    claimed = [line for line in certificate["claim"] if "differential privacy" in line]
    assert len(claimed) == 1
    assert f"epsilon {spent['epsilon']:.3g} at delta 0.001" in claimed[0]
