"""What a removal tool's answer says of each mate: one reader per format, all with one result."""

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from avatarflow.core.errors import refuse

SECONDARY = 0x900  # secondary and supplementary alignments
PAIRED, UNMAPPED, LAST = 0x1, 0x4, 0x80
BOTH = 2  # in place of a mate's number: the call is about the fragment
CHUNK = 1 << 16
SUFFIXES = ("#0/1", "#0/2", "/1", "/2")


class Call(NamedTuple):
    """One statement of a tool: a fragment's name, which mate (0, 1 or BOTH), and whether it is human."""

    name: str
    mate: int
    human: bool


Lines = Iterator[tuple[int, str]]


def read_calls(
    how: Mapping[str, Any], answer: Path, fragments: Sequence[str], tool: str = ""
) -> pd.DataFrame:
    """One row per fragment, in the order of `fragments`.

    Parameters
    ----------
    how : mapping
        The tool's `verdicts`: `format`, and for sam `tag` and `least`.
    answer : path
        What the tool wrote; or, where it judged mates apart, the same path with 1 and 2 behind it.
    fragments : sequence of str
        Names of all fragments that were given to the tool.
    tool : str
        For messages.

    Returns
    -------
    DataFrame
        `fragment`, `mate1`, `mate2`: was that mate called human; tools that judge pairs, and single reads, say the same
        of both.

    Raises
    ------
    AvatarflowError
        If there is no answer, if it is cut short, names a fragment that was not given or leaves one out.
    """
    reader, default = READERS[how["format"]]
    index = pd.Index(fragments)
    human, told = np.zeros((len(index), 2), bool), np.zeros((len(index), 2), bool)
    unknown = 0
    for path, mate in _answers(answer, tool):
        calls = reader(_numbered(path), mate, how, tool)
        while part := list(islice(calls, CHUNK)):
            rows = index.get_indexer(pd.Index([call.name for call in part]))
            unknown += int((rows < 0).sum())
            for side in (0, 1):
                chosen = (rows >= 0) & np.array([call.mate in (side, BOTH) for call in part])
                told[rows[chosen], side] = True
                yes = chosen & np.array([call.human for call in part])
                human[rows[yes], side] = True
    if default is not None:
        human = np.where(told, human, default)
    missing = 0 if default is not None else int((~told).any(1).sum())
    if unknown or missing:
        found = f"{missing} fragments without call, {unknown} unknown ones"
        raise refuse(f"tool {tool}", found, "see its last lines in the log")
    return pd.DataFrame(
        {"fragment": pd.Series(index, dtype=object), "mate1": human[:, 0], "mate2": human[:, 1]}
    )


def fragment_names(path: Path) -> list[str]:
    """Return the names in a FASTQ file, in its order, without what follows a blank; it is already checked."""
    return [line[1:].split(maxsplit=1)[0] for number, line in _numbered(path) if number % 4 == 1]


def _answers(answer: Path, tool: str) -> list[tuple[Path, int]]:
    apart = [(answer.with_name(f"{answer.name}{mate + 1}"), mate) for mate in (0, 1)]
    if answer.is_file():
        return [(answer, BOTH)]
    if all(path.is_file() for path, _ in apart):
        return apart
    raise refuse(f"tool {tool}", "it wrote no answer", "see its last lines in the log")


def _numbered(path: Path) -> Lines:
    """Lines with their numbers from 1; gzip is recognised by its first bytes."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    with (gzip.open if zipped else open)(path, "rt", encoding="utf-8", errors="replace") as file:
        yield from enumerate(file, start=1)


def sam_calls(lines: Lines, mate: int, how: Mapping[str, Any], tool: str) -> Iterator[Call]:
    """SAM: a mate is human when it is aligned, with at least `least` in `tag` where one is asked for."""
    tag, least = how.get("tag"), how.get("least", 0)
    for number, line in lines:
        if line.startswith("@"):
            continue
        fields = line.rstrip("\n").split("\t")
        if len(fields) < 11 or not fields[1].isdigit():
            raise _cut_short(tool, number, "SAM")
        flag = int(fields[1])
        if flag & SECONDARY:
            continue
        human = not flag & UNMAPPED and (tag is None or _tag(fields, tag) >= least)
        side = mate if mate != BOTH or not flag & PAIRED else int(bool(flag & LAST))
        yield Call(fields[0], side, human)


def _tag(fields: Sequence[str], tag: str) -> float:
    return next(
        (float(field[5:]) for field in fields[11:] if field.startswith(f"{tag}:")), float("-inf")
    )


def paf_calls(lines: Lines, mate: int, how: Mapping[str, Any], tool: str) -> Iterator[Call]:
    """PAF: whatever is named is aligned, so human."""
    for number, line in lines:
        name, *rest = line.rstrip("\n").split("\t")
        if len(rest) < 11:
            raise _cut_short(tool, number, "PAF")
        yield Call(_plain(name), mate, True)


def kraken_calls(lines: Lines, mate: int, how: Mapping[str, Any], tool: str) -> Iterator[Call]:
    """Kraken's lines against a database of the host alone: classified is human."""
    for number, line in lines:
        fields = line.split("\t", 3)
        if len(fields) < 3 or fields[0] not in ("C", "U"):
            raise _cut_short(tool, number, "kraken")
        yield Call(fields[1], mate, fields[0] == "C")


def centrifuge_calls(lines: Lines, mate: int, how: Mapping[str, Any], tool: str) -> Iterator[Call]:
    """Centrifuge's table against an index of the host alone: classified is human."""
    for number, line in lines:
        fields = line.split("\t")
        if len(fields) < 8:
            raise _cut_short(tool, number, "centrifuge")
        if number > 1:  # the head
            yield Call(fields[0], mate, fields[1] != "unclassified")


def name_calls(
    lines: Lines, mate: int, how: Mapping[str, Any], tool: str, human: bool
) -> Iterator[Call]:
    """Names, one a line or as FASTQ, of the fragments that are human, or of those that are not."""
    for name in _names(lines, tool):
        yield Call(name, mate, human)


def _names(lines: Lines, tool: str) -> Iterator[str]:
    fastq, number = None, 0
    for number, line in lines:
        if fastq is None:
            fastq = line.startswith("@")
        if fastq and number % 4 == 1 and not line.startswith("@"):
            raise _cut_short(tool, number, "FASTQ")
        if line.strip() and (not fastq or number % 4 == 1):
            yield _plain(line.removeprefix("@").split()[0])
    if fastq and number % 4:
        raise _cut_short(tool, number, "FASTQ")


def _plain(name: str) -> str:
    """A name without what says which mate it is."""
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def _cut_short(tool: str, number: int, kind: str) -> Exception:
    return refuse(
        f"tool {tool} answer line {number}",
        f"no {kind} line",
        "see the tool's last lines in the log",
    )


Reader = Callable[[Lines, int, Mapping[str, Any], str], Iterator[Call]]

READERS: dict[str, tuple[Reader, bool | None]] = {  # with what holds of a mate that is not named
    "sam": (sam_calls, None),
    "paf": (paf_calls, False),
    "kraken": (kraken_calls, None),
    "centrifuge": (centrifuge_calls, None),
    "kept": (partial(name_calls, human=False), True),
    "removed": (partial(name_calls, human=True), False),
}
