"""Readers and their answers in a database: SQLite by default, any other by its URL."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from avatarflow.core.errors import refuse

from .study import INTRODUCTION, Question

PEOPLE, MACHINES = "people", "machines"
MACHINE_PREFIX = "MACHINE"
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Of codes: none that is mistaken for another when it is written down."""
WAIT_S = 30

_META = sa.MetaData()
STUDIES = sa.Table(
    "studies",
    _META,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("made_by", sa.String(16), nullable=False),
)
READERS = sa.Table(
    "readers",
    _META,
    sa.Column("code", sa.String(32), primary_key=True),
    sa.Column("order_seed", sa.BigInteger, nullable=False),
    sa.Column("made_by", sa.String(16), nullable=False),
)
SHOWN = sa.Table(
    "shown",
    _META,
    sa.Column("code", sa.ForeignKey("readers.code"), primary_key=True),
    sa.Column("question", sa.String(64), primary_key=True),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("last_s", sa.Float, nullable=False),
)
ANSWERS = sa.Table(
    "answers",
    _META,
    sa.Column("code", sa.ForeignKey("readers.code"), primary_key=True),
    sa.Column("question", sa.String(64), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("times_shown", sa.Integer, nullable=False),
    sa.Column("response", sa.Text, nullable=False),
)
COLUMNS = ["made_by", "reader", "part", "question", "position", "seconds", "times_shown"]
"""Of the export; a column per field of the answers follows."""


@dataclass(frozen=True)
class Reader:
    """A reader: a code that was given out, and the seed of the order of questions. No name, no address."""

    code: str
    order_seed: int


class Store:
    """The answers of one study, of people or of machines and never of both.

    Parameters
    ----------
    url : str
        As SQLAlchemy takes it.
    digest : str
        Of the study; answers to other pictures are in another store.
    made_by : {'people', 'machines'}

    Raises
    ------
    AvatarflowError
        If the database cannot be opened, or holds another study or answers of the others.
    """

    def __init__(self, url: str, digest: str, made_by: str) -> None:
        self.made_by = made_by
        try:
            address = sa.make_url(url)
            options = {"timeout": WAIT_S} if address.get_backend_name() == "sqlite" else {}
            self._engine = sa.create_engine(address, connect_args=options)
            _META.create_all(self._engine)
            self._claim(digest)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError):
            found = "no URL of a database that can be opened here"
            do = "give postgresql+psycopg://..., with its driver installed, or nothing"
            raise refuse("reader study store", found, do) from None
        except SQLAlchemyError as error:
            # its text may hold a password
            found = f"the database refuses ({type(error).__name__})"
            raise refuse("reader study store", found, "check its address and rights") from None

    def _claim(self, digest: str) -> None:
        with self._engine.begin() as connection:
            held = connection.execute(sa.select(STUDIES)).one_or_none()
            if held is None:
                connection.execute(sa.insert(STUDIES).values(digest=digest, made_by=self.made_by))
            elif held.digest != digest:
                found = "it holds answers to other pictures"
                raise refuse("reader study store", found, "move it away: it is of an older study")
            elif held.made_by != self.made_by:
                found = f"it holds answers of {held.made_by}"
                raise refuse("reader study store", found, "use another: they are never mixed")

    def new_reader(self) -> Reader:
        """Make a reader with a random code."""
        letters = "".join(secrets.choice(LETTERS) for _ in range(8))
        code = MACHINE_PREFIX + letters if self.made_by == MACHINES else letters
        reader = Reader(code, secrets.randbits(62))
        with self._engine.begin() as connection:
            values = {"code": code, "order_seed": reader.order_seed, "made_by": self.made_by}
            connection.execute(sa.insert(READERS).values(values))
        return reader

    def reader(self, code: str) -> Reader | None:
        """Return the reader of a code, however it is written (small letters, dashes, blanks)."""
        plain = "".join(letter for letter in code.upper() if letter.isalnum())
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(READERS).where(READERS.c.code == plain)).first()
        return None if row is None else Reader(row.code, row.order_seed)

    def answered(self, reader: Reader) -> set[str]:
        """Return the identities of the questions that a reader has answered."""
        asked = sa.select(ANSWERS.c.question).where(ANSWERS.c.code == reader.code)
        with self._engine.connect() as connection:
            return set(connection.execute(asked).scalars())

    def note_shown(self, reader: Reader, question: Question, now_s: float) -> None:
        """Note that a question is shown now; the time of the answer counts from the last time."""
        this = (SHOWN.c.code == reader.code) & (SHOWN.c.question == question.identity)
        with suppress(IntegrityError), self._engine.begin() as connection:  # two windows at once
            again = sa.update(SHOWN).where(this).values(times=SHOWN.c.times + 1, last_s=now_s)
            if not connection.execute(again).rowcount:
                first = {"code": reader.code, "question": question.identity, "times": 1}
                connection.execute(sa.insert(SHOWN).values(**first, last_s=now_s))

    def add(
        self,
        reader: Reader,
        question: Question,
        position: int,
        response: Mapping[str, str],
        now_s: float,
    ) -> bool:
        """Store an answer at once; False where there is one already, which stays as it is.

        The database itself refuses the second one, so that two windows of one reader cannot both store theirs.
        """
        this = (SHOWN.c.code == reader.code) & (SHOWN.c.question == question.identity)
        try:
            with self._engine.begin() as connection:
                shown = connection.execute(sa.select(SHOWN).where(this)).first()
                if shown is None:
                    return False
                values = {
                    "code": reader.code,
                    "question": question.identity,
                    "position": position,
                    "seconds": round(max(0.0, now_s - shown.last_s), 1),
                    "times_shown": shown.times,
                    "response": json.dumps(dict(response), sort_keys=True),
                }
                connection.execute(sa.insert(ANSWERS).values(values))
        except IntegrityError:
            return False
        return True

    def withdraw(self, reader: Reader) -> None:
        """Delete a reader with all answers."""
        with self._engine.begin() as connection:
            for table in (ANSWERS, SHOWN, READERS):
                connection.execute(sa.delete(table).where(table.c.code == reader.code))

    def export(self) -> pd.DataFrame:
        """Return all answers, one row each, by reader and position; introductions are left out.

        Readers are numbered in the order of their codes, which are random: whoever has the export cannot resume as one
        of them.
        """
        joined = sa.select(ANSWERS, READERS.c.made_by).join_from(ANSWERS, READERS)
        with self._engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(joined).mappings()]
        known = sorted({row["code"] for row in rows})
        codes = {code: number for number, code in enumerate(known, start=1)}
        table = [_flat(row, codes) for row in rows]
        columns = sorted({name for row in table for name in row} - set(COLUMNS))
        frame = pd.DataFrame(table, columns=[*COLUMNS, *columns])
        frame = frame[frame["question"] != INTRODUCTION]
        return frame.sort_values(["reader", "position"], ignore_index=True)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _flat(row: Mapping[str, Any], codes: Mapping[str, int]) -> dict[str, Any]:
    part, _, question = row["question"].partition("/")
    prefix = MACHINE_PREFIX if row["made_by"] == MACHINES else "R"
    return {
        "made_by": row["made_by"],
        "reader": f"{prefix}{codes[row['code']]:03d}",
        "part": part,
        "question": question,
        **{name: row[name] for name in ("position", "seconds", "times_shown")},
        **json.loads(row["response"]),
    }


def sqlite_url(file: str | Path) -> str:
    """Return the URL of a SQLite file, which only its owner may read; the file is made where it is not there."""
    path = Path(file).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    return sa.URL.create("sqlite", database=str(path)).render_as_string()


@contextmanager
def opened(url: str, digest: str, made_by: str) -> Iterator[Store]:
    """Open a store for a `with` block."""
    store = Store(url, digest, made_by)
    try:
        yield store
    finally:
        store.close()
