"""The customer's command, to the letter, on a cluster of several nodes: the same bytes as on one machine."""

import os
import re
import shutil
import subprocess
import time

import pytest

import project


@pytest.fixture
def checkout(undisturbed, tmp_path):
    """The project as a user has it, with the tiny release as its configuration and the originals beside it."""
    folder = tmp_path / "checkout"
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(project.ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "slurm").symlink_to((project.ROOT / "slurm").readlink())
    (folder / "config").mkdir()
    shutil.copy(undisturbed / "config.yaml", folder / "config" / "config.yaml")
    shutil.copytree(undisturbed / "data", folder / "data")
    return folder


def test_the_literal_command_makes_the_same_release_as_a_local_run(slurm, undisturbed, checkout):
    environment = {**project.environment(), "AVATARFLOW_SHARDS": "2", "AVATARFLOW_FIRST_LOOK_S": "3"}
    environment["PATH"] = f"{project.ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
    known = {}
    with (checkout / "run.log").open("w") as log:
        running = subprocess.Popen(
            ["snakemake", "--profile", "slurm"], cwd=checkout, stdout=log, stderr=log, env=environment
        )
        while running.poll() is None:  # Slurm forgets a job some minutes after its end
            time.sleep(5)
            known |= slurm.records()
    said = (checkout / "run.log").read_text()
    assert running.returncode == 0, f"{said[-5000:]}\n{slurm.logs(checkout)[-3000:]}"

    submitted = re.findall(r"SLURM jobid (\d+)", said)
    records = [known[number] for number in submitted]
    assert len(submitted) >= 12
    assert {record["JobState"] for record in records} == {"COMPLETED"}
    assert {record["WorkDir"] for record in records} == {str(checkout)}
    assert len(slurm.nodes()) >= 3
    assert len({record["NodeList"] for record in records}) >= 2
    with_gpu = [record for record in records if record.get("TresPerJob") == "gres:gpu:1"]
    assert {record["Partition"] for record in with_gpu} == {"gpu"}
    assert {record["Partition"] for record in records} == {"cpu", "gpu"}

    for part in ("release", "student", "teacher"):
        place = f"{slurm.RELEASE}/{part}"
        assert project.content(checkout / place) == project.content(undisturbed / place), part
    assert project.decision(checkout) == "pass"
