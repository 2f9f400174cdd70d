"""Run a read-removal tool: its index, then its classification, measured apart; one verdict per fragment.

A tool is a mapping (see docs/reads.md): `needs` (executables), `version`, `index`, `remove` (shell commands with
placeholders), `verdicts` (how the answer is read: a name in `READERS`), `settings` (name to options).
"""

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import refuse
from ..paths import replacing, replacing_folder, write_json
from ..runtime import Step
from .verdicts import READERS

LAUNCHER = Path(__file__).with_name("launcher.py")
RESOURCES = Path(__file__).resolve().parents[4] / "resources"
MATE_RULES = {"either": any, "both": all}

Tool = Mapping[str, Any]


def require(name: str, tool: Tool) -> None:
    """Refuse to start when an executable that the tool needs is not there.

    Raises
    ------
    AvatarflowError
        Naming the executables that are missing.
    """
    missing = [program for program in tool["needs"] if shutil.which(program) is None]
    if missing:
        found = f"{', '.join(missing)} not found on PATH"
        raise refuse(f"tool {name}", found, "install it, or take the tool out of read_benchmarks.<name>.tools")


def version(tool: Tool) -> str:
    """First line that the tool's version command prints; empty if it prints none."""
    answer = subprocess.run(["bash", "-c", tool["version"]], capture_output=True, text=True, check=False)
    return (answer.stdout or answer.stderr).strip().partition("\n")[0]


def run_measured(name: str, command: str, values: Mapping[str, Any], step: Step) -> dict[str, Any]:
    """Run one shell command of a tool.

    Parameters
    ----------
    name : str
        The tool, for messages.
    command : str
        With `{placeholders}`; quoted values are put in, `options` as they are.
    values : mapping
    step : Step
        Gets the command's own messages.

    Returns
    -------
    dict
        `seconds` (wall), `cpu_s`, `peak_mb` (largest process), `command`.

    Raises
    ------
    AvatarflowError
        If the command ends with an error; its last lines are in the log.
    """
    quoted = {key: value if key == "options" else shlex.quote(str(value)) for key, value in values.items()}
    text = command.format(**quoted)
    with tempfile.TemporaryDirectory() as place:
        usage = Path(place) / "usage.json"
        measured = [sys.executable, "-I", "-S", str(LAUNCHER), str(usage), "bash", "-euo", "pipefail", "-c", text]
        ended = subprocess.run(measured, capture_output=True, text=True, errors="replace", check=False)
        for line in (ended.stdout + ended.stderr).splitlines()[-20:]:
            step.info("%s: %s", name, line)
        if ended.returncode:
            raise refuse(f"tool {name}", f"it ended with exit code {ended.returncode}", "see its last lines in the log")
        return {**json.loads(usage.read_text()), "command": " ".join(command.split())}


def build_index(
    name: str, tool: Tool, options: str, host: str, index: str, usage: str, threads: int, step: Step
) -> None:
    """Build the tool's index of the host into the folder `index`; what it took goes to the JSON file `usage`."""
    require(name, tool)
    with replacing_folder(index) as place:
        values = {"host": host, "index": place, "threads": threads, "options": options, "resources": RESOURCES}
        record = run_measured(name, tool["index"], values, step)
    _save(usage, {**record, "version": version(tool)}, step, "index")


def remove_reads(
    name: str, tool: Tool, options: str, index: str, reads: tuple[str, str], mate_rule: str,
    verdicts: str, usage: str, threads: int, step: Step,
) -> None:  # fmt: skip
    """Classify read pairs and write `verdicts`: one row per fragment, sorted by name.

    Columns: `fragment`, `mate1`, `mate2` (was that mate called human; tools that judge pairs say the same of both),
    `removed`.
    """
    require(name, tool)
    with tempfile.TemporaryDirectory(dir=Path(verdicts).parent) as place:
        answer = Path(place) / "answer"
        values = {"index": index, "reads1": reads[0], "reads2": reads[1], "threads": threads, "options": options}
        record = run_measured(name, tool["remove"], {**values, "answer": answer}, step)
        table = READERS[tool["verdicts"]](answer, name)
    rule = MATE_RULES[mate_rule]
    table["removed"] = [rule(mates) for mates in zip(table["mate1"], table["mate2"], strict=True)]
    with replacing(verdicts) as path:
        pq.write_table(pa.Table.from_pandas(table, preserve_index=False), path, compression="zstd")
    step.info("%d of %d fragments removed", int(table["removed"].sum()), len(table))
    _save(usage, {**record, "version": version(tool)}, step, "run")


def _save(path: str, record: dict[str, Any], step: Step, what: str) -> None:
    step.params({"version": record["version"], "command": record["command"]})
    step.metric(f"{what}_s", record["seconds"])
    step.metric(f"{what}_peak_mb", record["peak_mb"])
    write_json(path, record)
