"""A training in a process of its own that is killed on the way: tests of what a second run makes of it."""

import subprocess
import sys
from pathlib import Path

CHILD = """
import os, signal, sys
sys.path += sys.argv[1:3]
from pathlib import Path
from {module} import {function}
from avatarflow.runs.context import Step

step = Step.null()
def metric(name, value, number):
    if number == 8:
        os.kill(os.getpid(), signal.SIGKILL)
step.metric = metric
{function}(Path(sys.argv[3]), step)
"""


def killed(module: str, function: str, folder: Path, root: Path) -> int:
    """Run a training function of a test module until its eighth step; return the exit status."""
    code = CHILD.format(module=module, function=function)
    paths = [str(root / "workflow" / "scripts"), str(Path(__file__).parent)]
    command = [sys.executable, "-c", code, *paths, str(folder)]
    return subprocess.run(command, check=False).returncode
