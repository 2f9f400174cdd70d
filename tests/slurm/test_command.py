"""The customer's command, to the letter, on a cluster of several nodes: the same bytes as on one machine."""

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import cluster
import pytest
import test_processes
from safetensors.torch import load_file

import project

LIMIT_S = 2400


@pytest.fixture
def checkout(undisturbed, tmp_path):
    """The project as a user has it, with the tiny release as its configuration and the originals beside it."""
    folder = tmp_path / "checkout"
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(
            project.ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    (folder / "slurm").symlink_to((project.ROOT / "slurm").readlink())
    (folder / "config").mkdir()
    shutil.copy(undisturbed / "config.yaml", folder / "config" / "config.yaml")
    shutil.copytree(undisturbed / "data", folder / "data")
    return folder


def test_the_literal_command_makes_the_same_release_as_a_local_run(slurm, undisturbed, checkout):
    environment = {
        **project.environment(),
        "AVATARFLOW_SHARDS": "2",
        "AVATARFLOW_FIRST_LOOK_S": "3",
    }
    environment["PATH"] = f"{project.ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
    known = {}
    with (checkout / "run.log").open("w") as log:
        running = subprocess.Popen(
            ["snakemake", "--profile", "slurm"],
            cwd=checkout,
            stdout=log,
            stderr=log,
            env=environment,
        )
        began = time.monotonic()
        while running.poll() is None:  # Slurm forgets a job some minutes after its end
            time.sleep(5)
            known |= slurm.records()
            if time.monotonic() - began > LIMIT_S:
                running.kill()
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


def ranks(folder):
    """Which node each training process of a job runs on, by its rank."""
    found = {}
    for number in cluster.processes_in(folder):
        with suppress(OSError):
            parts = (Path("/proc") / str(number) / "environ").read_bytes().split(b"\0")
            values = dict(part.decode(errors="replace").partition("=")[::2] for part in parts)
            if {"RANK", "SLURMD_NODENAME"} <= values.keys():
                found[values["RANK"]] = values["SLURMD_NODENAME"]
    return found


@pytest.mark.slow
def test_training_spreads_over_the_nodes_of_a_job_and_ends_as_one_process(slurm, tmp_path):
    paths = [
        str(project.ROOT / "workflow" / "scripts"),
        str(project.ROOT / "tests" / "unit" / "generators"),
    ]
    child = (
        f"import sys; sys.path += {paths!r}\n"
        "from pathlib import Path\nfrom avatarflow.runs.context import Step\nfrom test_processes import finetune\n"
        "finetune(Path('two'), 2, Step.null())\n"
    )
    (tmp_path / "child.py").write_text(child)
    submitted = slurm.run_slurm(
        "sbatch", "--parsable", "--nodes=2", "--ntasks=2", "--mem=3000", "--partition=cpu", f"--chdir={tmp_path}",
        f"--wrap={sys.executable} child.py",
    )  # fmt: skip
    number, placed = submitted.strip(), {}
    while slurm.ended(number)["JobState"] in ("PENDING", "RUNNING", "COMPLETING"):
        placed |= ranks(tmp_path)
        time.sleep(0.5)
    said = "".join(path.read_text() for path in tmp_path.glob("slurm-*.out"))
    assert slurm.ended(number)["JobState"] == "COMPLETED", said
    assert placed.keys() == {"0", "1"}
    assert placed["0"] != placed["1"]
    test_processes.same_weights(
        tmp_path, load_file(tmp_path / "two" / "model" / test_processes.WEIGHTS)
    )
