"""The removal tools there are: those shipped, a file each in resources/removal_tools/, and the user's own.

Both have one form (workflow/schemas/removal_tool.schema.yaml). Imported while Snakemake parses: stdlib and PyYAML.
"""

import os
import shutil
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Tool = Mapping[str, Any]

PROJECT = Path(__file__).resolve().parents[5]
SHIPPED = PROJECT / "resources" / "removal_tools"
# tools from PyPI that must not share the workflow's environment
OPTIONAL = PROJECT / ".tools" / "bin"
HOLES = {
    "version": set[str](),
    "index": {"host", "index", "threads", "options", "resources"},
    "remove": {
        "index", "reads1", "reads2", "threads", "options", "resources", "answer", "answer1", "answer2", "scratch",
    },
}  # fmt: skip
HUMAN_ANSWERS = {"answer", "answer1", "answer2"}


def shipped_tools() -> dict[str, Any]:
    """Tool to its declaration, as it stands in its file: defaults are not filled in."""
    files = sorted(SHIPPED.glob("*.yaml"))
    return {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in files}


def search_path() -> str:
    """Where executables are looked for: PATH, then the project's own place for optional tools."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), str(OPTIONAL)])


def absent(tool: Tool) -> list[str]:
    """Executables that the tool needs and that are not there."""
    path = search_path()
    return [program for program in tool["needs"] if shutil.which(program, path=path) is None]


def index_owner(tool: Tool, setting: str) -> str:
    """The setting whose index this setting uses: the first with the same index options: a host is indexed once."""
    options = tool["settings"][setting]["index"]
    return next(str(name) for name, part in tool["settings"].items() if part["index"] == options)


def kind_of(map_name: str, entry: Mapping[str, Any]) -> str:
    """What an entry ends in: as its map says, but for benchmarks on a user's reads (`own_reads`, `own_truth`)."""
    own = entry.get("own_reads") if map_name == "read_benchmarks" else None
    if own is None:
        return map_name
    return "own_truth" if own["truth"] else "own_reads"


def command_for(tool: Tool, setting: str, files: int) -> str | None:
    """The command that classifies reads in so many files (1 or 2); None when the tool takes no such reads."""
    own, shared = tool["settings"][setting]["pairs"], tool["remove"]
    command: str | None = shared["single"] if files == 1 else own or shared["pairs"]
    return command


def tool_problems(name: str, tool: Tool) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a tool's commands: where, what was found, what to do."""
    where = f"config removal_tools.{name}"
    own = {f"settings.{key}.pairs": part["pairs"] for key, part in tool["settings"].items()}
    commands = {
        "remove.pairs": tool["remove"]["pairs"],
        "remove.single": tool["remove"]["single"],
        **own,
    }
    if not any(commands.values()):
        yield f"{where}.remove", "no command", "give pairs, single or both"
    for key, command in {"version": tool["version"], "index": tool["index"], **commands}.items():
        if command is None:
            continue
        known = HOLES.get(key, HOLES["remove"])
        try:
            used = {
                field for _, field, _, _ in string.Formatter().parse(command) if field is not None
            }
        except ValueError as error:
            yield f"{where}.{key}", f"{error}", "write a literal brace twice"
            continue
        if strange := sorted(used - known):
            found = ", ".join(f"{{{field}}}" for field in strange)
            yield (
                f"{where}.{key}",
                f"unknown {found}",
                f"use {', '.join(sorted(known))}; write a literal brace twice",
            )
        if key not in HOLES and not used & HUMAN_ANSWERS:
            yield (
                f"{where}.{key}",
                "it writes no {answer}",
                "let it write {answer}, or {answer1} and {answer2}",
            )


def choice_problems(
    name: str, entry: Mapping[str, Any], tools: Mapping[str, Tool], where: str | None = None
) -> Iterator[tuple[str, str, str]]:
    """Tools and settings that a benchmark, or another place of the config, names and nobody has declared."""
    known = {f"{tool} {setting}" for tool, parts in tools.items() for setting in parts["settings"]}
    unknown = sorted({f"{choice['tool']} {choice['setting']}" for choice in entry["tools"]} - known)
    if unknown:
        yield (
            f"config {where or f'read_benchmarks.{name}.tools'}",
            f"unknown {', '.join(unknown)}",
            f"take some of {', '.join(sorted(known))}, or declare it under removal_tools",
        )
