"""What a removal tool's answer says of each mate: one reader per output format."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from ..errors import refuse

SECONDARY = 0x900  # secondary and supplementary alignments
UNMAPPED, LAST = 0x4, 0x80


def sam_verdicts(answer: Path, name: str = "") -> pd.DataFrame:
    """From SAM: a mate is human when it is aligned.

    Raises
    ------
    AvatarflowError
        On a line that is no alignment (output cut short).
    """
    calls: dict[str, list[bool]] = {}
    with _numbered(answer) as rows:
        for number, line in rows:
            if line.startswith("@"):
                continue
            fields = line.split("\t", 11)
            if len(fields) < 11 or not fields[1].isdigit():
                raise refuse(f"tool {name} answer line {number}", "no SAM line", "see the tool's last lines in the log")
            flag = int(fields[1])
            if not flag & SECONDARY:
                calls.setdefault(fields[0], [False, False])[bool(flag & LAST)] |= not flag & UNMAPPED
    return _table(calls)


def kraken_verdicts(answer: Path, name: str = "") -> pd.DataFrame:
    """From kraken's per-pair output against a database of the host alone: classified is human.

    Raises
    ------
    AvatarflowError
        On a line that is no classification.
    """
    calls: dict[str, list[bool]] = {}
    with _numbered(answer) as rows:
        for number, line in rows:
            fields = line.split("\t", 3)
            if len(fields) < 3 or fields[0] not in ("C", "U"):
                raise refuse(
                    f"tool {name} answer line {number}", "no kraken line", "see the tool's last lines in the log"
                )
            calls[fields[1]] = [fields[0] == "C"] * 2
    return _table(calls)


@contextmanager
def _numbered(answer: Path) -> Iterator[Iterator[tuple[int, str]]]:
    if not answer.is_file():
        raise refuse("removal tool", "it wrote no answer", "see its last lines in the log")
    with answer.open(encoding="utf-8", errors="replace") as file:
        yield enumerate(file, start=1)


def _table(calls: Mapping[str, Sequence[bool]]) -> pd.DataFrame:
    names = sorted(calls)  # threads of a tool may answer in any order
    mates = [calls[name] for name in names]
    columns = {f"mate{mate + 1}": pd.Series([bool(pair[mate]) for pair in mates], dtype=bool) for mate in (0, 1)}
    return pd.DataFrame({"fragment": pd.Series(names, dtype=object), **columns})


READERS: dict[str, Callable[[Path, str], pd.DataFrame]] = {"sam": sam_verdicts, "kraken": kraken_verdicts}
