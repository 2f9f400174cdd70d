"""The columns that a row filter names: how names compare, and which of them the manifest lacks."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pandas as pd
import pyarrow as pa

ABSENT = re.compile(r'Referenced column "(.+)" not found in FROM clause')
MOST_ABSENT = 20  # names that are looked for, one after the other
TEXT_OR_NAME = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
CLOCK = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}
"""Words that SQL takes for the time without brackets."""
OPERATOR = r"\s*([=<>!+*/%-]|(IS|IN|NOT|I?LIKE|BETWEEN)\b)"


def composed(text: str) -> str:
    """Return a text with composed umlauts and accents (NFC), as headers from Macs lack them."""
    return unicodedata.normalize("NFC", text)


def names_column(expression: str, column: str) -> bool:
    """Whether an expression names a column, in any case."""
    return bool(re.search(rf"(?<!\w){re.escape(column)}(?!\w)", expression, re.IGNORECASE))


@contextmanager
def locked_engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine that is cut off from files, network, extensions and Python variables."""
    with duckdb.connect(config={"python_enable_replacements": "false"}) as engine:
        engine.execute("SET enable_external_access = false")
        engine.execute("SET lock_configuration = true")
        yield engine


def changing_function(engine: duckdb.DuckDBPyConnection, expression: str) -> str | None:
    """Return a function of an expression whose value hangs on chance or on the time, if there is one."""
    names = {
        name
        for (name,) in engine.execute(
            "SELECT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'"
        ).fetchall()
        if name.isidentifier()
    }
    bare = TEXT_OR_NAME.sub("''", expression).casefold()
    called = re.findall(r"([a-z_][a-z0-9_]*)\s*\(", bare)
    said = [word for word in re.findall(r"[a-z_]+", bare) if word in CLOCK]
    said += ["current_date"] if _is_age_today(bare) else []
    return next((name for name in [*called, *said] if name in names or name in CLOCK), None)


def _is_age_today(expression: str) -> bool:
    """Whether an expression calls `age` with one argument, which the engine calls constant."""
    for call in re.finditer(r"\bage\s*\(", expression):
        depth, commas = 1, 0
        for letter in expression[call.end() :]:
            depth += (letter in "([") - (letter in ")]")
            commas += letter == "," and depth == 1
            if depth == 0:
                break
        if not commas:
            return True
    return False


def absent_columns(table: pd.DataFrame, expression: str) -> list[str]:
    """Return the names in an expression that are those of no column, all of them at once.

    A name that is a cell of the table, or does not stand before an operator, is left out: it may
    be text in the wrong quotes, and a message must not repeat it.
    """
    expression = composed(expression)
    columns = list({composed(str(name)).casefold(): composed(str(name)) for name in table}.values())
    absent: list[str] = []
    with locked_engine() as engine:
        while len(absent) < MOST_ABSENT:
            name = _first_absent(engine, [*columns, *absent], expression)
            if name is None or name in absent:
                break
            absent.append(name)
    return [
        name
        for name in absent
        if _is_compared(expression, name) and not table.isin([name]).any(axis=None)
    ]


def _first_absent(
    engine: duckdb.DuckDBPyConnection, columns: Sequence[str], expression: str
) -> str | None:
    """Return the name that the engine misses first; None where it misses none."""
    # columns without a kind: the engine then complains of no comparison
    empty = pa.table({column: pa.nulls(0) for column in columns})
    try:
        engine.from_arrow(empty).filter(expression).fetchall()
    except duckdb.Error as error:
        absent = ABSENT.search(str(error))
        return absent[1] if absent else None
    return None


def _is_compared(expression: str, name: str) -> bool:
    """Whether a name stands before an operator and not behind one, as columns do."""
    places = re.finditer(rf'"?(?<!\w){re.escape(name)}(?!\w)"?', expression, re.IGNORECASE)
    return any(
        re.match(OPERATOR, expression[place.end() :], re.IGNORECASE)
        and not re.search(r"([=<>!,]|LIKE)\s*$", expression[: place.start()], re.IGNORECASE)
        for place in places
    )
