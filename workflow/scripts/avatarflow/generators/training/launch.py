"""Run a training step in several processes: by torchrun on this machine, by Slurm's srun on all of its job's."""

import functools
import inspect
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from avatarflow.core.errors import AvatarflowError, refuse
from avatarflow.core.paths import environment_for_package, write_text
from avatarflow.runs.context import Step
from avatarflow.runs.stopping import Stopped, watching

SIGNALS = "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"
TrainingFunction = Callable[..., None]


def in_processes(function: TrainingFunction) -> TrainingFunction:
    """Let a function run itself in `compute.processes` processes; with one, or inside one of them, it runs as it is."""

    @functools.wraps(function)
    def launching(*values: Any, **named: Any) -> None:
        """Run the function here, or start its processes and wait for them."""
        arguments = inspect.signature(function).bind(*values, **named).arguments
        count = arguments["settings"]["compute"].get("processes", 1)
        if count == 1 or "RANK" in os.environ:
            function(**arguments)
        else:
            step = arguments.pop("step")
            # beside the states: every machine of a job sees it
            job = Path(arguments["state"]) / "processes.json"
            asked = {"function": function.__name__, "arguments": arguments}
            write_text(job, json.dumps(asked))
            run(command(count, job, os.environ), step)

    return launching


def command(count: int, job: Path, environment: Mapping[str, str]) -> list[str]:
    """Return what starts `count` processes, evenly on the machines of the Slurm job, or all on this one.

    Raises
    ------
    AvatarflowError
        If the processes cannot be spread evenly.
    """
    nodes = int(environment.get("SLURM_JOB_NUM_NODES", "1"))
    if count % nodes:
        raise refuse(
            "compute.processes",
            f"{count} for {nodes} machines",
            "make it a multiple of the machines",
        )
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        f"--nnodes={nodes}",
        f"--nproc-per-node={count // nodes}",
    ]
    # it hands them on, and waits half a minute for a checkpoint
    torchrun.append(f"--signals-to-handle={SIGNALS}")
    worker = ["-m", "avatarflow.generators.training.worker", str(job)]
    if nodes == 1:
        return [
            *torchrun,
            "--rdzv-backend=c10d",
            "--rdzv-endpoint=localhost:0",
            "--local-addr=localhost",
            *worker,
        ]
    number = environment["SLURM_JOB_ID"]
    meeting = f"--rdzv-endpoint={socket.gethostname()}:{20000 + int(number) % 10000}"
    srun = ["srun", "--overlap", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
    return [*srun, *torchrun, "--rdzv-backend=c10d", meeting, f"--rdzv-id={number}", *worker]


def run(started: list[str], step: Step) -> None:
    """Run the processes to their end, logging and recording what the first one says.

    Raises
    ------
    AvatarflowError
        If one of them refused, with its text, or died.
    Stopped
        If they stopped behind a checkpoint because a signal came, or died of it elsewhere; it is handed on to them.
        A signal behind the last step comes too late: what was asked for is made.
    """
    environment = environment_for_package()
    ended: dict[str, str] = {}
    with subprocess.Popen(
        started, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment
    ) as child, watching(child.send_signal) as stop:  # fmt: skip
        for line in child.stdout or ():
            _hear(line.rstrip("\n"), step, ended)
    if "stopped" in ended:
        raise Stopped(ended["stopped"])
    if "refused" in ended:
        raise AvatarflowError(ended["refused"])
    if child.returncode and "finished" not in ended:
        if stop.asked:
            raise stop.now("where nothing is saved; the last checkpoint counts")
        raise refuse(
            "training processes", f"one died (exit status {child.returncode})",
            "see the lines above; the same command goes on from the last checkpoint",
        )  # fmt: skip


def _hear(line: str, step: Step, ended: dict[str, str]) -> None:
    """Do what a line of the first process says; lines of anybody else are logged."""
    try:
        said = json.loads(line)
        kind, what = said["avatarflow"], said["what"]
    except (ValueError, KeyError, TypeError):
        step.warning("%s", line)
        return
    if kind in ("refused", "stopped", "finished"):
        ended[kind] = what
    elif kind == "metric":
        step.metric(*what)
    elif kind == "params":
        step.params(what)
    else:
        getattr(step, kind)("%s", what)
