"""A real signal to a real process: it stops behind a checkpoint, and the next run ends as an undisturbed one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_sampling import content, drawn, model  # noqa: F401 (a fixture)
from test_training import train

from avatarflow.runs.stopping import TRY_AGAIN, Stopped, watching

CHILD = """
import os, sys
sys.path += sys.argv[1:3]
os.chdir(sys.argv[4])
from pathlib import Path
from types import SimpleNamespace
import avatarflow.runs.context as runtime
from avatarflow.generators import sampling
from test_sampling import drawn
from test_training import train

class Names(SimpleNamespace):
    items = lambda self: vars(self).items()

class Disturbed(runtime.Step):
    def progress(self, done, total, unit, every_s=10.0):
        if done == 3:  # wait here until the signal has been sent
            print("ready", flush=True)
            sys.stdin.readline()

runtime.Step = Disturbed
job = SimpleNamespace(rule="finetune", log=["step.log"], wildcards=Names(name="x"), params=Names(entry="releases/x"))
with runtime.step(job) as step:
    if sys.argv[3] == "train":
        train(Path("work"), step, checkpoint_steps=1000)
    else:
        drawn(Path(sys.argv[5]), Path("work"), step=step)
"""


def stopped_by(
    number: signal.Signals, kind: str, folder: Path, root: Path, *more: str
) -> tuple[int, str, str]:
    """Exit status, log and recorded status of a child that gets the signal in its third step."""
    folder.mkdir()
    paths = [str(root / "workflow" / "scripts"), str(root / "tests" / "unit" / "generators")]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *paths, kind, str(folder), *more],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as child:  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(number)
        child.stdin.write("go on\n")
        child.stdin.close()
    (record,) = (folder / "results" / "records").glob("*.json")
    return (
        child.returncode,
        (folder / "step.log").read_text(),
        json.loads(record.read_text())["status"],
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_training_stops_behind_a_checkpoint_and_resumes(
    tmp_path: Path, root: Path, number: signal.Signals
) -> None:
    status, log, recorded = stopped_by(number, "train", tmp_path / "stopped", root)
    assert (status, recorded) == (TRY_AGAIN, "KILLED")
    assert (
        f"stopped by {number.name} behind step 3 of 10 of the network; the same command goes on from there"
        in log
    )
    assert "Traceback" not in log
    assert not (tmp_path / "stopped" / "work" / "model").exists()
    assert len(list((tmp_path / "stopped" / "work" / "state").rglob("network.safetensors"))) == 1
    resumed = train(tmp_path / "stopped" / "work", checkpoint_steps=1000).read_bytes()
    assert resumed == train(tmp_path / "undisturbed").read_bytes()


def test_sampling_stops_between_micro_batches_and_resumes(
    model: Path,  # noqa: F811 (the fixture)
    tmp_path: Path,
    root: Path,
) -> None:
    status, log, recorded = stopped_by(
        signal.SIGUSR1, "sample", tmp_path / "stopped", root, str(model)
    )
    assert (status, recorded) == (TRY_AGAIN, "KILLED")
    assert (
        "stopped by SIGUSR1 behind micro-batch 3 of 6; the same command goes on from there" in log
    )
    kept = list((tmp_path / "stopped" / "work" / "state").rglob("block-*"))
    assert len(kept) == 3
    undisturbed = content(drawn(model, tmp_path / "undisturbed"))
    assert content(drawn(model, tmp_path / "stopped" / "work")) == undisturbed


def test_outside_of_the_work_a_signal_keeps_its_meaning() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)]
    with watching() as stop:
        assert not stop.asked
        os.kill(os.getpid(), signal.SIGUSR1)
        assert stop.asked
        with pytest.raises(Stopped, match="stopped by SIGUSR1 here; the same command"):
            raise stop.now("here")
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)] == before
