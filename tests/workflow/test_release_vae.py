"""A tiny release of another generator family, chosen by the configuration alone."""

import json
import shutil

import pytest

import project
from avatarflow.privacy.attacks.names import due

RELEASE = "results/releases/tiny"
SAMPLES = f"{RELEASE}/samples/teacher/pictures"


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A release whose teacher and student are variational autoencoders."""
    folder = tmp_path_factory.mktemp("vae")
    project.prepare(
        folder, releases__tiny__generator={"family": "vae", "vae": {"latent_values": 8}}
    )
    project.run(folder, "--set-scatter", "sample=1")
    return folder


def test_a_release_is_decided_upon_and_attacked_by_the_likelihood(released):
    assert project.decision(released) == "pass"
    for stage in ("teacher", "student"):
        files = {path.suffix for path in (released / RELEASE / stage).rglob("*") if path.is_file()}
        assert files == {".json", ".safetensors"}
    rows = json.loads((released / RELEASE / "attacks/attacks.json").read_text())["rows"]
    for target in ("teacher", "student"):
        run = {row["attack"] for row in rows if (row["target"], row["access"]) == (target, "model")}
        assert run == set(due("likelihood"))
    asked = [row for row in rows if row["attack"] in set(due("likelihood")) - {"extraction"}]
    assert all(row["auc"] is not None for row in asked)
    certificate = json.loads((released / RELEASE / "release/certificate.json").read_text())
    # 18 persons a side are too few to be passed
    assert certificate["model_gate"]["result"] != "pass"
    assert "not run" not in certificate["model_gate"]["meaning"]
    assert not (released / RELEASE / "release/model").exists()


def test_three_shards_give_the_pictures_of_one(released, tmp_path):
    folder = tmp_path / "three"
    project.copy(released, folder)
    before = project.content(folder / SAMPLES)
    shutil.rmtree(folder / RELEASE / "samples/teacher")
    project.run(folder, SAMPLES, "--set-scatter", "sample=3", "--rerun-triggers", "mtime")
    assert project.content(folder / SAMPLES) == before
