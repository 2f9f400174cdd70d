"""The test cluster, once per session, and the finished local run that every run on it is compared with."""

import os
import subprocess
from pathlib import Path

import cluster
import pytest

HERE = Path(__file__).parent
CHOICE = "AVATARFLOW_SLURM_TESTS"


def pytest_collection_modifyitems(items):
    """The command to the letter always runs, where a cluster can be started; the failures take many minutes, most of
    them waiting for Slurm, and run when they are asked for."""
    chosen = os.environ.get(CHOICE, "some")
    for item in items:
        if Path(item.path).parent != HERE:
            continue
        item.add_marker(pytest.mark.slurm)
        if chosen == "none":
            item.add_marker(
                pytest.mark.skip(
                    reason=f"not wanted: {CHOICE}=none; =some runs the command, =all failures too"
                )
            )
        elif chosen != "all" and item.get_closest_marker("slow"):
            item.add_marker(
                pytest.mark.skip(
                    reason=f"minutes of waiting; {CHOICE}=all or tests/slurm/five.sh runs it"
                )
            )


def pytest_generate_tests(metafunc):
    """`five.sh`: every failure as often as it says, against one undisturbed run."""
    times = int(os.environ.get("AVATARFLOW_SLURM_TIMES", "1"))
    if times > 1 and "slurm" in metafunc.fixturenames:
        metafunc.fixturenames.append("time")
        metafunc.parametrize("time", range(1, times + 1))


@pytest.fixture(scope="session")
def slurm():
    """A running cluster of two CPU nodes and two with made-up GPUs."""
    up = subprocess.run(
        [HERE / "up.sh"],
        capture_output=True,
        text=True,
        env={**os.environ, "NODES": "4"},
        timeout=300,
    )
    # a cluster that was asked for must come up
    if up.returncode == 3 or (up.returncode and CHOICE not in os.environ):
        pytest.skip(" ".join(up.stderr.split())[-300:])
    assert up.returncode == 0, up.stderr[-2000:]
    yield cluster
    subprocess.run([HERE / "down.sh"], check=True, timeout=120)


@pytest.fixture(autouse=True)
def no_job_is_left(request):
    """Whatever a test did: no job of ours in the queue, no process of ours on a node, every node back in service."""
    if "slurm" not in request.fixturenames:
        yield
        return
    folder = request.getfixturevalue("tmp_path")
    request.getfixturevalue("slurm")
    cluster.repair_nodes()
    yield
    left = cluster.jobs(), cluster.processes_in(folder)
    cluster.clean_up(folder)
    assert left == ([], [])
