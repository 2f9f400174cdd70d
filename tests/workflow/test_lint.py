"""Style and types, checked by the tools themselves; `make lint` runs this file and the contracts."""

import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
CHECKS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "--diff", "."],
    "snakefmt": ["snakefmt", "--check", "--diff", "workflow"],
    "mypy": ["mypy"],
    "shfmt": ["shfmt", "--diff", "--indent", "2", "envs/setup.sh", "envs/avatarflow", ".ci/run"],
}


@pytest.mark.parametrize("command", CHECKS.values(), ids=CHECKS)
def test_style_and_types(root, command):
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"


def test_snakemake_lint(root, tmp_path):
    command = [
        BIN / "snakemake",
        "--lint",
        "--snakefile",
        root / "workflow" / "Snakefile",
        "--directory",
        tmp_path,
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
