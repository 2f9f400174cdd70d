"""What cannot be judged is not released: a finished run whose privacy files are damaged makes no release again."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open

import project
from avatarflow.privacy.fingerprints.files import load_rows, save_rows

RELEASE = "results/releases/tiny"


def rows_of(path):
    with safe_open(path, "np") as file:
        digest = file.metadata()["encoder"]
    return np.array(load_rows(path, digest)), digest


def no_fingerprint(rows, digest):
    rows[::2] = np.nan  # some of them are in the gallery
    return rows, digest


def not_of_unit_length(rows, digest):
    rows[3] *= 1.5
    return rows, digest


def equal(rows, digest):
    rows[4:] = rows[4]
    return rows, digest


def of_another_encoder(rows, digest):
    return rows, digest[::-1]


@pytest.mark.parametrize(
    ("file", "damage", "rule", "message"),
    [
        ("originals", no_fingerprint, "calibrate_cones", "no fingerprint, so no cone"),
        ("originals", equal, "calibrate_cones", "equal fingerprints but different persons"),
        ("student", not_of_unit_length, "verify_candidates", "row 3 has length 1.5, not 1"),
        ("student", of_another_encoder, "verify_candidates", "fingerprints of another encoder"),
    ],
)
def test_damaged_fingerprints_are_refused_and_nothing_is_released(
    undisturbed, tmp_path, file, damage, rule, message
):
    run = tmp_path / "run"
    shutil.copytree(
        undisturbed, run, ignore=shutil.ignore_patterns(".snakemake", "release", "mlflow")
    )
    path = run / RELEASE / "privacy" / f"{file}.safetensors"
    save_rows(path, *damage(*rows_of(path)))
    done = project.run(
        run, f"{RELEASE}/release/certificate.json", "--rerun-triggers", "mtime", check=False
    )
    assert done.returncode != 0
    assert f"Error in rule {rule}" in done.stdout + done.stderr
    log = "\n".join(path.read_text() for path in (run / "logs/releases/tiny").glob(f"{rule}*.log"))
    assert message in log
    assert project.CANARY not in log
    assert not (run / RELEASE / "release").exists()


def test_a_key_that_cannot_sign_ends_the_dry_run(tmp_path):
    run = project.prepare(tmp_path / "run")
    key = project.keys_of(run) / "key.pem"
    key.chmod(0o644)
    done = project.run(run, "--dry-run", check=False)
    assert done.returncode != 0
    message = "config signing.key: others than its owner may use it (mode 0644); take their rights"
    assert message in done.stdout + done.stderr
    assert key.read_text().splitlines()[1] not in done.stdout + done.stderr


def test_a_gate_without_a_figure_keeps_the_data_in(undisturbed, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(
        undisturbed, run, ignore=shutil.ignore_patterns(".snakemake", "release", "mlflow")
    )
    path = run / RELEASE / "privacy" / "calibration.json"
    figures = json.loads(path.read_text())
    path.write_text(json.dumps({**figures, "specificity": None}))
    project.run(run, f"{RELEASE}/release/certificate.json", "--rerun-triggers", "mtime")
    assert project.decision(run) == "refuse"
    certificate = json.loads((run / RELEASE / "release" / "certificate.json").read_text())
    assert "specificity: inconclusive" in certificate["reasons"]
    assert not (run / RELEASE / "release" / "data").exists()


def test_a_picture_with_wrong_anatomy_is_not_learned_from(undisturbed, tmp_path):
    run = tmp_path / "run"
    project.copy(undisturbed, run)
    asked = {"kind": "fundus", "pass_share": 0.95, "least_passed": 0.5}
    project.write_config(run, releases__tiny__anatomy=asked)
    project.run(run, f"{RELEASE}/privacy/teacher.decisions.parquet")
    before, after = (
        pd.read_parquet(folder / RELEASE / "privacy" / "teacher.decisions.parquet")
        for folder in (undisturbed, run)
    )
    refused = pd.read_parquet(run / RELEASE / "anatomy" / "teacher.parquet")["refusal"]
    assert (refused != "").any()  # so small a generator draws next to nothing
    assert (after["accepted"] == (before["accepted"] & (refused == ""))).all()
    assert {"distill", "check_anatomy", "release"} <= project.planned(run)
    project.write_config(run, releases__tiny__anatomy={"kind": "fundus", "pass_share": 0.99})
    done = project.run(run, f"{RELEASE}/anatomy/limits.json", check=False)
    assert done.returncode != 0
    assert "held-out and test patients where 99 are needed" in done.stdout + done.stderr
