"""The configuration that `avatarflow clean` runs the workflow with: one entry of `read_releases`."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from avatarflow.config.file_text import check_text
from avatarflow.core.errors import Problems, refuse
from avatarflow.reads.removal.catalogue import Tool, shipped_tools

from .arguments import NONE, Request

WITH_OPTIONS = {
    "remove": ("--tool", "tools"),
    "detection_tools": ("--detection-tool", "detection_tools"),
    "y_contigs": ("--y-contig", "y_contigs"),
}
"""Keys of an entry that have an option, with the option and its field of a `Request`."""
DATA = {
    "own_reads": ("fastq1", "fastq2", "truth"),
    "reference": ("fasta",),
    "donor": ("vcf",),
    "panel": ("vcf", "map"),
}
"""Keys of an entry that name files, by the key that they stand below."""
GIVEN = {
    "own_reads.fastq1": "reads, file 1",
    "own_reads.fastq2": "reads, file 2",
    "reference.fasta": "--reference",
}
"""What messages call files that the command line names."""


def read_settings(path: str | None) -> dict[str, Any]:
    """Return the keys of the file of `--config`; none without a file.

    Raises
    ------
    AvatarflowError
        If it cannot be read, is not a mapping, or has maps of a whole configuration.
    """
    if path is None:
        return {}
    try:
        settings = yaml.safe_load(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise refuse("--config", f"cannot be read: {error.strerror}", "check the path") from None
    except (ValueError, yaml.YAMLError):
        raise refuse("--config", "no YAML in UTF-8", "write key: value lines") from None
    check_text([path])
    if not isinstance(settings, dict):
        raise refuse("--config", "no keys", "write key: value lines, such as gates: {bits_left: 8}")
    if "read_releases" in settings:
        raise refuse(
            "--config", "a whole configuration", "give the keys of one entry of read_releases alone"
        )
    return settings


def configuration(request: Request, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the workflow's configuration, with absolute paths.

    Parameters
    ----------
    request : Request
        With one or two files of reads, and a reference.
    settings : mapping
        Further keys of the entry, `removal_tools` and `signing`.

    Raises
    ------
    AvatarflowError
        One line per problem: unknown tools, settings left open, keys that are given twice.
    """
    entry = copy.deepcopy(dict(settings))
    own_tools, signing = entry.pop("removal_tools", {}), entry.pop("signing", None)
    tools = shipped_tools() | (own_tools if isinstance(own_tools, dict) else {})
    with Problems() as problems:
        for key, (option, field) in WITH_OPTIONS.items():
            values = getattr(request, field)
            if values and key in entry:
                problems.add("--config", f"{key} beside {option}", "keep one of them")
            elif values and key == "y_contigs":
                entry[key] = [] if values == (NONE,) else list(values)
            elif values:
                entry[key] = [*_choices(option, values, tools, problems)]
        mates = (*request.reads, None)[:2]
        paths = {
            "own_reads": {"fastq1": mates[0], "fastq2": mates[1]},
            "reference": {"fasta": request.reference},
        }
        for key, given in paths.items():
            block = entry.setdefault(key, {})
            if not isinstance(block, dict):
                problems.add("--config", f"{key} is no mapping", "write key: value lines below it")
                continue
            for twice in sorted(given.keys() & block.keys()):
                problems.add("--config", f"{key}.{twice}", "take it out; the command line says it")
            block.update(given)
    for file in data_files(entry):
        file.block[file.key] = str(Path(file.path).absolute())
    whole: dict[str, Any] = {"read_releases": {request.name: entry}}
    whole |= {"removal_tools": own_tools} if own_tools else {}
    return whole | ({"signing": signing} if signing is not None else {})


def _choices(
    option: str, values: Sequence[str], tools: Mapping[str, Tool], problems: Problems
) -> Iterator[dict[str, str]]:
    """Yield tools with their settings; a setting may be left out where a tool has one only."""
    for value in values:
        tool, _, setting = value.partition(":")
        try:
            known = [str(name) for name in tools[tool]["settings"]]
        except (KeyError, TypeError):
            problems.add(option, f"no tool '{tool}'", f"take one of {', '.join(sorted(tools))}")
            continue
        if not setting and len(known) == 1:
            setting = known[0]
        if setting in known:
            yield {"tool": tool, "setting": setting}
        else:
            found = f"no setting '{setting}' of {tool}" if setting else f"{tool} without a setting"
            problems.add(
                option, found, f"take one of {', '.join(f'{tool}:{name}' for name in known)}"
            )


@dataclass(frozen=True)
class DataFile:
    """A path of an entry: `block[key]`, and what a message calls it."""

    block: dict[str, Any]
    key: str
    where: str

    @property
    def path(self) -> str:
        """The path as the entry has it."""
        return str(self.block[self.key])


def data_files(entry: Mapping[str, Any]) -> Iterator[DataFile]:
    """Yield every path of an entry that names a file of the user."""
    reference = entry.get("reference")
    regions = reference.get("regions") if isinstance(reference, dict) else None
    blocks: dict[str, tuple[Any, tuple[str, ...]]] = {
        **{part: (entry.get(part), keys) for part, keys in DATA.items()},
        "reference.regions": (regions, tuple(regions) if isinstance(regions, dict) else ()),
    }
    for part, (block, keys) in blocks.items():
        for key in keys if isinstance(block, dict) else ():
            if isinstance(block.get(key), str) and block[key]:
                where = f"{part}.{key}"
                yield DataFile(block, key, GIVEN.get(where, f"--config {where}"))


def write_configuration(path: Path, config: Mapping[str, Any]) -> None:
    """Write a configuration as YAML."""
    path.write_text(yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
