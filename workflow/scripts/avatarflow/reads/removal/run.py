"""Run a read-removal tool: its index, then its classification, measured apart; one call per fragment.

A tool is a mapping (workflow/schemas/removal_tool.schema.yaml, docs/reads/removal.md). A tool that is not there or that
crashes costs its own rows: its outputs say so (`status`), and the run goes on.
"""

import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from avatarflow.core.errors import AvatarflowError, refuse
from avatarflow.core.paths import read_json, replacing, replacing_folder, write_json
from avatarflow.runs.context import Step

from .calls import fragment_names, read_calls
from .catalogue import PROJECT, Tool, absent, command_for, search_path

LAUNCHER = Path(__file__).with_name("launcher.py")
RESOURCES = PROJECT / "resources"
MATE_RULES = {"either": any, "both": all}
OK, MISSING, FAILED, UNSUPPORTED = "ok", "missing", "failed", "unsupported"
CALLS = pa.schema(
    [
        ("fragment", pa.string()),
        ("mate1", pa.bool_()),
        ("mate2", pa.bool_()),
        ("removed", pa.bool_()),
    ]
)


class ToolError(AvatarflowError):
    """A tool that can give no calls; `status` says in one word why."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status


def require(name: str, tool: Tool) -> None:
    """Refuse to start when an executable that the tool needs is not there.

    Raises
    ------
    ToolError
        Naming the executables that are missing.
    """
    missing = absent(tool)
    if missing:
        found = f"{', '.join(missing)} not found on PATH"
        do = "install it, or take the tool out of tools, remove or detection_tools"
        raise ToolError(MISSING, str(refuse(f"tool {name}", found, do)))


def version(tool: Tool) -> str:
    """First line that the tool's version command prints; empty if it prints none."""
    answer = subprocess.run(
        ["bash", "-c", tool["version"].format() or "true"],
        capture_output=True, text=True, errors="replace", check=False, env=_environment(), stdin=subprocess.DEVNULL,
    )  # fmt: skip
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
    ToolError
        If the command ends with an error; its last lines are in the log.
    """
    quoted = {
        key: value if key == "options" else shlex.quote(str(value)) for key, value in values.items()
    }
    text = command.format(**quoted)
    with tempfile.TemporaryDirectory() as place:
        usage = Path(place) / "usage.json"
        measured = [
            sys.executable,
            "-I",
            "-S",
            str(LAUNCHER),
            str(usage),
            "bash",
            "-euo",
            "pipefail",
            "-c",
            text,
        ]
        ended = subprocess.run(
            measured,
            capture_output=True, text=True, errors="replace", check=False, env=_environment(), stdin=subprocess.DEVNULL,
        )  # fmt: skip
        for line in (ended.stdout + ended.stderr).splitlines()[-20:]:
            step.info("%s: %s", name, line)
        if ended.returncode:
            found = f"it ended with exit code {ended.returncode}"
            raise ToolError(
                FAILED, str(refuse(f"tool {name}", found, "see its last lines in the log"))
            )
        return {**json.loads(usage.read_text()), "command": " ".join(command.split())}


@dataclass(frozen=True)
class ToolSetting:
    """A removal tool in one of its settings: its name, its declaration and the setting's name."""

    name: str
    tool: Tool
    setting: str

    def options(self, part: str) -> str:
        """Return the options of this setting for `index` or for `remove`."""
        chosen: str = self.tool["settings"][self.setting][part]
        return chosen


def build_index(
    chosen: ToolSetting, host: str, index: str, usage: str, threads: int, step: Step
) -> None:
    """Build the tool's index of the host into the folder `index`; what it took goes to the JSON file `usage`.

    Without the tool, or when it fails, the folder stays empty and `usage` says why.
    """

    def work() -> dict[str, Any]:
        require(chosen.name, chosen.tool)
        with replacing_folder(index) as place:
            values = {
                "host": host,
                "index": place,
                "threads": threads,
                "options": chosen.options("index"),
                "resources": RESOURCES,
            }
            return run_measured(chosen.name, chosen.tool["index"], values, step)

    record = attempt(chosen.tool, work, step)
    if record["status"] != OK:
        with replacing_folder(index):
            pass
    _save(usage, record, step, "index")


def remove_reads(
    chosen: ToolSetting,
    inputs: Mapping[str, Any],
    mate_rule: str,
    repeats: int,
    outputs: Mapping[str, str],
    threads: int,
    step: Step,
) -> None:
    """Classify reads and write one row per fragment, in the reads' order.

    Columns: `fragment`, `mate1`, `mate2` (was that mate called human; tools that judge pairs say the same of both),
    `removed`. Where the tool cannot run, there are no rows and `usage` says why.

    Parameters
    ----------
    chosen : ToolSetting
    inputs : mapping
        Paths: `index`, `index_usage` (what `build_index` wrote), and `reads`, one file, or two with mates.
    mate_rule : str
        One of `MATE_RULES`.
    repeats : int
        Of several, `usage` holds the median, and the rows are those of the last.
    outputs : mapping
        Paths: `calls` (Parquet), `usage` (JSON).
    threads : int
    step : Step
    """
    table, reads = CALLS.empty_table(), inputs["reads"]
    name, tool, calls = chosen.name, chosen.tool, outputs["calls"]

    def work() -> dict[str, Any]:
        nonlocal table
        _require_index(inputs["index_usage"])
        require(name, tool)
        command = command_for(tool, chosen.setting, len(reads))
        if command is None:
            kind = "read pairs" if len(reads) == 2 else "single reads"
            do = "take the tool out of tools, remove or detection_tools"
            raise ToolError(UNSUPPORTED, str(refuse(f"tool {name}", f"it takes no {kind}", do)))
        common = {
            "index": inputs["index"],
            "threads": threads,
            "options": chosen.options("remove"),
            "resources": RESOURCES,
        }
        common |= {f"reads{number}": path for number, path in enumerate(reads, start=1)}
        runs = []
        for _ in range(repeats):
            with tempfile.TemporaryDirectory(dir=Path(calls).parent) as place:
                answer, scratch = Path(place) / "answer", Path(place) / "scratch"
                scratch.mkdir()
                answers = {
                    "answer": answer,
                    "answer1": f"{answer}1",
                    "answer2": f"{answer}2",
                    "scratch": scratch,
                }
                runs.append(run_measured(name, command, {**common, **answers}, step))
                table = _call_table(tool, answer, fragment_names(Path(reads[0])), mate_rule, name)
        return _median(runs)

    record = attempt(tool, work, step)
    if record["status"] != OK:
        table = CALLS.empty_table()
    with replacing(calls) as path:
        pq.write_table(table, path, compression="zstd")
    step.info("%d of %d fragments removed", sum(table["removed"].to_pylist()), table.num_rows)
    _save(outputs["usage"], record, step, "run")


def attempt(tool: Tool, work: Callable[[], dict[str, Any]], step: Step) -> dict[str, Any]:
    """What `work` measured, with `status` and `reason`; a tool's problem is recorded and costs no one else."""
    try:
        measured = work()
    except AvatarflowError as error:
        status = error.status if isinstance(error, ToolError) else FAILED
        step.fail(str(error))
        return {"status": status, "reason": str(error), "version": "", "command": "",
                "seconds": None, "cpu_s": None, "peak_mb": None}  # fmt: skip
    return {"status": OK, "reason": "", "version": version(tool), **measured}


def _require_index(usage: str) -> None:
    record = read_json(usage)
    if record["status"] != OK:
        raise ToolError(record["status"], record["reason"])


def _call_table(
    tool: Tool, answer: Path, names: Sequence[str], mate_rule: str, name: str
) -> pa.Table:
    table = read_calls(tool["verdicts"], answer, names, name)
    rule = MATE_RULES[mate_rule]
    table["removed"] = [rule(mates) for mates in zip(table["mate1"], table["mate2"], strict=True)]
    return pa.Table.from_pandas(table, schema=CALLS, preserve_index=False)


def _median(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    measures = {
        key: statistics.median(run[key] for run in runs) for key in ("seconds", "cpu_s", "peak_mb")
    }
    return {
        **measures,
        "seconds_each": [run["seconds"] for run in runs],
        "command": runs[0]["command"],
    }


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": search_path()}


def _save(path: str, record: dict[str, Any], step: Step, what: str) -> None:
    step.params(
        {"version": record["version"], "command": record["command"], "status": record["status"]}
    )
    if record["status"] == OK:
        step.metric(f"{what}_s", record["seconds"])
        step.metric(f"{what}_peak_mb", record["peak_mb"])
    write_json(path, record)
