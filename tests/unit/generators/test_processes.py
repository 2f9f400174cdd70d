"""Two processes on this machine (gloo): same weights as one, a signal stops both, refusals come through."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from squares import squares
from test_training import COMPUTE, NETWORK

from avatarflow.core.errors import AvatarflowError
from avatarflow.generators import steps as generator_steps
from avatarflow.generators.training import launch
from avatarflow.generators.training.processes import Processes
from avatarflow.imaging.shards import write_shards
from avatarflow.runs.context import Step
from avatarflow.runs.records import Run
from avatarflow.runs.stopping import TRY_AGAIN, Stopped

STEPS = 60
WEIGHTS = Path("transformer") / "diffusion_pytorch_model.safetensors"


def finetune(
    folder: Path, processes: int, step: Step, steps: int = STEPS
) -> dict[str, torch.Tensor]:
    """Weights of the rule finetune, run in so many processes."""
    shards = folder / "training"
    if not shards.exists():
        shards.mkdir(parents=True)
        write_shards(shards, *squares(12))
    training = {
        "steps": steps,
        "batch": 4,
        "learning_rate": 1e-4,
        "checkpoint_steps": 1000,
        "log_steps": 1,
    }
    settings = {
        "conditions": {"tint": ["red", "blue"]}, "generator": {"family": "diffusion"}, "tuning": {},
        "network": NETWORK, "training": training, "seed": 5, "hub": None,
        "network_access": False, "compute": {**COMPUTE, "processes": processes},
    }  # fmt: skip
    generator_steps.finetune(
        str(shards), settings, model=str(folder / "model" / "model_index.json"), state=str(folder / "state"), base=None,
        step=step,
    )  # fmt: skip
    return load_file(folder / "model" / WEIGHTS)


CHILD = """
import sys
sys.path += sys.argv[1:3]
from pathlib import Path
from avatarflow.runs.context import Step
from avatarflow.runs.stopping import TRY_AGAIN, Stopped
from test_processes import finetune

step = Step.null()
step.metric = lambda name, value, number: number == 3 and name == "network.loss" and print("ready", flush=True)
try:
    finetune(Path(sys.argv[3]), 2, step)
except Stopped as stopped:
    print(stopped)
    sys.exit(TRY_AGAIN)
"""


def equals_one_process(
    folder: Path, two: dict[str, torch.Tensor], found: Run, resumed: int = 0
) -> None:
    """Weights and losses of two processes are those of one."""
    single = same_weights(folder, two)
    losses = [
        [row["value"] for row in run.metrics if row["name"] == "network.loss"]
        for run in (single, found)
    ]
    assert losses[0][resumed:] == pytest.approx(losses[1], rel=1e-3)


def same_weights(folder: Path, two: dict[str, torch.Tensor]) -> Run:
    """Weights are those of one process, whose record is given back; training moved them by more than the tolerance."""
    single = Run.null()
    one = finetune(folder / "one", 1, Step(Step.null().log, single))
    start = finetune(folder / "start", 1, Step.null(), steps=0)
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, rtol=0, atol=1e-4, msg=name)
    moved = max(float((one[name] - start[name]).abs().max()) for name in one)
    assert moved > 1e-3  # ten times the tolerance
    return single


def test_two_processes_end_as_one(tmp_path: Path) -> None:
    run = Run.null()
    two = finetune(tmp_path / "two", 2, Step(Step.null().log, run))
    equals_one_process(tmp_path, two, run)


def signalled(folder: Path, root: Path, whom: Callable[[int], int]) -> str:
    """What a run says that is signalled in its third step: `whom` of the launching process's number."""
    paths = [str(root / "workflow" / "scripts"), str(root / "tests" / "unit" / "generators")]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *paths, str(folder)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        os.kill(whom(child.pid), signal.SIGUSR1)
        said = child.stdout.read()
    assert child.returncode == TRY_AGAIN, said
    assert f"of {STEPS} of the network; the same command goes on from there" in said
    return said


def second(_: int) -> int:
    """Number of the second training process, which writes and says nothing."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"\0RANK=1\0" in (entry / "environ").read_bytes():
                return int(entry.name)
    raise AssertionError("no second process")


def test_a_signal_to_one_process_stops_all(tmp_path: Path, root: Path) -> None:
    assert "stopped by a signal to another process behind step" in signalled(
        tmp_path / "two", root, second
    )


def test_two_processes_stop_at_a_signal_resume_and_end_as_one(tmp_path: Path, root: Path) -> None:
    signalled(tmp_path / "two", root, lambda launching: launching)
    run, messages = Run.null(), list[str]()
    step = Step(Step.null().log, run)
    step.info = lambda text, *values: messages.append(text % values)  # type: ignore[method-assign,assignment]
    two = finetune(tmp_path / "two", 2, step)
    (resumed,) = [
        int(line.rpartition(" ")[2]) for line in messages if "network resumed at step" in line
    ]
    assert 3 <= resumed < STEPS
    assert [row["step"] for row in run.metrics if row["name"] == "network.loss"] == [
        *range(resumed + 1, STEPS + 1)
    ]
    equals_one_process(tmp_path, two, run, resumed)


def test_a_batch_is_shared_evenly_or_not_at_all() -> None:
    assert [Processes(rank, 3).share(6) for rank in range(3)] == [
        slice(0, 2),
        slice(2, 4),
        slice(4, 6),
    ]
    with pytest.raises(
        AvatarflowError, match=r"training\.batch: 7 pictures for 3 processes; make it a multiple"
    ):
        Processes(0, 3).share(7)


def test_alone_there_is_nobody_to_agree_with() -> None:
    alone = Processes.here()
    assert (alone.mean(0.1), alone.any(True), alone.any(False), alone.number(7)) == (
        0.1,
        True,
        False,
        7,
    )
    model = torch.nn.Linear(1, 1)
    assert alone.wrap(model) is model


def say(*said: tuple[str, Any], status: int = 0) -> list[str]:
    """A command that says what a first process would say."""
    lines = [json.dumps({"avatarflow": kind, "what": what}) for kind, what in said]
    return [sys.executable, "-c", f"import sys; print({chr(10).join(lines)!r}); sys.exit({status})"]


@pytest.mark.parametrize(
    ("said", "status", "kind", "text"),
    [
        (
            [("refused", "config x: found 1; give 2")],
            1,
            AvatarflowError,
            "^config x: found 1; give 2$",
        ),
        (
            [("stopped", "stopped by SIGTERM behind step 3")],
            75,
            Stopped,
            "^stopped by SIGTERM behind step 3$",
        ),
        ([], 9, AvatarflowError, r"one died \(exit status 9\); see the lines above"),
    ],
)
def test_how_the_processes_ended_is_told(
    said: list[Any], status: int, kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text):
        launch.run(say(*said, status=status), Step.null())


# the signal is handed on, and finds nobody who minds
IGNORING = "import os, signal, sys, time; signal.signal(signal.SIGUSR1, signal.SIG_IGN);"
SIGNAL_ME = f"{IGNORING} os.kill(os.getppid(), signal.SIGUSR1); time.sleep(0.2);"


def test_processes_that_a_signal_kills_elsewhere_are_stopped_not_broken() -> None:
    command = say(status=1)
    with pytest.raises(
        Stopped,
        match=r"^stopped by SIGUSR1 where nothing is saved; the last checkpoint counts; the",
    ):
        launch.run([*command[:-1], command[-1].replace("import sys;", SIGNAL_ME)], Step.null())


def test_a_signal_behind_the_last_step_comes_too_late() -> None:
    command = say(("finished", "all is written"), status=1)
    launch.run([*command[:-1], command[-1].replace("import sys;", SIGNAL_ME)], Step.null())


def test_figures_and_messages_reach_the_step_and_strange_lines_the_log() -> None:
    run, lines = Run.null(), list[str]()
    step = Step(Step.null().log, run)
    step.info = step.warning = lambda text, *values: lines.append(text % values)  # type: ignore[method-assign,assignment]
    command = say(
        ("metric", ["network.loss", 0.5, 3]), ("params", {"seed": 1}), ("info", "100 % well")
    )
    launch.run(
        [*command[:-1], command[-1].replace("import sys;", "import sys; print('[1, 2]');")], step
    )
    assert [(row["name"], row["value"], row["step"]) for row in run.metrics] == [
        ("network.loss", 0.5, 3)
    ]
    assert run.record["params"] == {"seed": 1}
    assert lines == ["[1, 2]", "100 % well"]


def test_one_machine_starts_torchrun_and_several_srun(tmp_path: Path) -> None:
    here = launch.command(4, tmp_path, {})
    assert here[1:5] == ["-m", "torch.distributed.run", "--nnodes=1", "--nproc-per-node=4"]
    there = launch.command(4, tmp_path, {"SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "31"})
    assert there[:5] == ["srun", "--overlap", "--nodes=2", "--ntasks=2", "--ntasks-per-node=1"]
    assert there[6:10] == ["-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=2"]
    assert f"--rdzv-endpoint={os.uname().nodename}:20031" in there
    with pytest.raises(
        AvatarflowError, match=r"compute\.processes: 3 for 2 machines; make it a multiple"
    ):
        launch.command(3, tmp_path, {"SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "31"})
