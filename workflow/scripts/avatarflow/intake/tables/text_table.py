"""Manifests as text: encoding, separator, header, and lines that cannot be cut into cells."""

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pandas as pd

from avatarflow.core.errors import refuse

FILE = "file"
SEPARATORS = (",", ";", "\t", "|")
SHOWN_LINES = 5
MOST_LINES = 5_000_000
"""More than any set has pictures; a small gzip file may hold many more lines of nothing."""
LOOKED_AT = 20  # rows that tell the separator, and whether the first line is a header
UTF16 = (b"\xff\xfe", b"\xfe\xff")
BROKEN = {
    "field larger": (
        "a cell of more than 131,072 characters",
        "shorten it, or take its column out",
    ),
    "unexpected end": ("a quote that is not closed", "close it"),
    "": ("text behind a closing quote", "write a quote inside a quoted cell twice"),
}
"""How the words of Python's csv module begin, and what is meant."""


class _BrokenLineError(Exception):
    """A line that cannot be cut into cells: where and what it is, and what to do."""

    def __init__(self, line: int, words: str) -> None:
        kind, self.do = next(said for start, said in BROKEN.items() if start in words)
        self.found = f"line {line} has {kind}"


def read_text(content: bytes, where: str) -> pd.DataFrame:
    """Read a text with commas, semicolons or tabs, every cell as it is written.

    Raises
    ------
    AvatarflowError
        If it is not UTF-8, has no header or too many lines, or if a line of it cannot be cut into
        as many cells as the header has; the message names the line.
    """
    if content.startswith(UTF16) or b"\0" in content[:2]:
        raise refuse(where, "its encoding is UTF-16", "save it as CSV in UTF-8")
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise refuse(where, f"line {line} holds a zero byte", "save it as CSV in UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refuse(where, f"line {line} is not UTF-8", "save it as CSV in UTF-8") from None
    if max(text.count("\n"), text.count("\r")) > MOST_LINES:
        raise refuse(where, f"more than {MOST_LINES:,} lines", "take out empty lines, or divide it")
    lines = enumerate(io.StringIO(text, newline=None), start=1)
    number, first = next(
        ((number, line.strip()) for number, line in lines if line.strip()), (0, "")
    )
    if not first:
        raise refuse(where, "it is empty", "give a table with a header and a row for each picture")
    here = f"line {number}"
    if first.lower().startswith("sep="):
        raise refuse(
            where, "its first line names the separator and is no header", "take that line out"
        )
    if first.startswith("#"):
        raise refuse(where, f"{here} is a comment and no header", "take that line out")
    if first.startswith(("{", "[")):
        raise refuse(where, "it is JSON", "save it as CSV in UTF-8, or as Parquet")
    separator = _separator(text)
    records = _records(text, separator)
    try:
        _, header = next(records, (0, []))
        rows = [(line, row) for line, row in records if len(header) == 1 or not _is_blank(row)]
    except _BrokenLineError as error:
        raise refuse(where, error.found, error.do) from None
    if not header:
        raise refuse(where, "it is empty", "give a table with a header and a row for each picture")
    usual = Counter(len(row) for _, row in rows).most_common(1)
    if usual and 2 * len(header) <= usual[0][0]:
        found = f"{here} is no header: it has {len(header)} cells, and most rows have {usual[0][0]}"
        raise refuse(
            where, found, "let the table begin with the names of its columns, one for each cell"
        )
    _check_lengths(header, rows, separator, where)
    table = pd.DataFrame(
        [row + [""] * (len(header) - len(row)) for _, row in rows], columns=header, dtype=object
    )
    # spreadsheets write separators for columns that nobody filled
    filled = [
        bool(name.strip()) or any(cell.strip() for cell in table.iloc[:, place])
        for place, name in enumerate(header)
    ]
    return table.loc[:, filled]


def _check_lengths(
    header: list[str], rows: list[tuple[int, list[str]]], separator: str, where: str
) -> None:
    """Refuse rows of another length than the header: their cells may belong to other columns.

    Cells of columns without a name, at the end, may be missing.
    """
    named = max((place for place, name in enumerate(header, start=1) if name.strip()), default=0)
    if long := [line for line, row in rows if len(row) > len(header)]:
        found = f"more cells than the header in {len(long)} rows ({_lines(long)})"
        raise refuse(
            where, found, f"take surplus separators out, or quote cells that hold a '{separator}'"
        )
    if short := [line for line, row in rows if len(row) < named]:
        found = f"fewer cells than the header in {len(short)} rows ({_lines(short)})"
        raise refuse(where, found, "write a separator for each empty cell")


def _is_blank(row: list[str]) -> bool:
    """Whether a line holds only blanks and no separator, unlike a row of empty cells."""
    return len(row) == 1 and not row[0].strip()


def _lines(numbers: list[int]) -> str:
    more = ", ..." if len(numbers) > SHOWN_LINES else ""
    return f"line {', '.join(map(str, numbers[:SHOWN_LINES]))}{more}"


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a text with the lines they end in, from the first that is not blank; empty lines are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begun, line = False, 0
    try:
        for row in reader:
            begun, line = begun or any(cell.strip() for cell in row), reader.line_num
            if begun and row:
                yield line, row
    except csv.Error as error:
        raise _BrokenLineError(line + 1, str(error)) from None


def _separator(text: str) -> str:
    """Choose the separator that cuts the header and the first rows into equally many cells, more than one.

    Where that is none or several, the one that shows a column `file`, then the one that cuts the header most often.
    """

    def fitness(separator: str) -> tuple[bool, bool, int]:
        first: list[list[str]] = []
        with suppress(_BrokenLineError):  # said later, of the separator that is chosen
            first.extend(
                row for _, row in itertools.islice(_records(text, separator), 1 + LOOKED_AT)
            )
        counts = {len(row) for row in first}
        header = first[0] if first else []
        return len(counts) == 1 and counts != {1}, FILE in header, len(header)

    return max(SEPARATORS, key=fitness)  # the comma where they are equal
