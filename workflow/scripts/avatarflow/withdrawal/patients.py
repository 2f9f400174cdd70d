"""Which persons of a pool may not be used now: by the list, by their consents, or because nobody shows them any more.

A pool holds no identifiers. Its pictures are compared with those of the originals, read as intake reads them.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import refuse
from avatarflow.core.paths import data_path
from avatarflow.imaging.shards import iterate, read_table
from avatarflow.intake.consent.gate import ConsentFiles, columns_of, open_gate
from avatarflow.intake.fhir.download import downloaded
from avatarflow.intake.listed_rows import read_and_identify, rows_of_withdrawn
from avatarflow.intake.patients.persons import KEY, flat_columns, identify
from avatarflow.intake.reading import read_all
from avatarflow.intake.sources.rows import Place
from avatarflow.intake.sources.withdrawn import leave_out
from avatarflow.intake.tables.manifest import ROW
from avatarflow.runs.context import Step

LISTED = "withdrawn list"
ABSENT = "not among the originals any more"
WHOLE = "the whole pool, as asked"
OK = ""


@dataclass(frozen=True)
class Gone:
    """The persons of one pool who may not be used now.

    `causes` is by person number, `pictures` by person number how many of the pool are theirs, `roles` what they were
    for, `rows` the rows of the pool's table, and `digests` those of the pictures that may not be used.
    """

    causes: Mapping[int, str]
    pictures: Mapping[int, int]
    roles: Mapping[int, str]
    rows: Mapping[int, tuple[int, ...]]
    digests: frozenset[str]

    def counts(self) -> dict[str, Any]:
        """Return what may be shown anywhere."""
        return {
            "patients": len(self.causes),
            "patients_by_cause": dict(sorted(Counter(self.causes.values()).items())),
            "patients_by_role": dict(sorted(Counter(self.roles.values()).items())),
            "pictures": sum(self.pictures.values()),
        }


def pool_digests(pool: str | Path) -> list[str]:
    """Return a digest of each picture of a pool, in the order of its table."""
    return [_digest(picture) for block in iterate(pool) for picture in block]


def everybody(pool: str | Path) -> Gone:
    """Return all persons of a pool: where nobody can tell any more who is in it."""
    digests = pool_digests(pool)
    return _gone(read_table(pool), digests, [WHOLE] * len(digests))


def gone_from(
    entry: dict[str, Any], config: Mapping[str, Any], pool: str | Path, day: str, scratch: Path
) -> Gone:
    """Find the persons of a pool who may not be used now.

    Parameters
    ----------
    entry : dict
        Of `releases`, with every default filled in.
    config : mapping
        The whole checked configuration.
    pool : path
        The shards of the pool.
    day : str
        The day to judge consents for, YYYY-MM-DD.
    scratch : Path
        Where downloads from FHIR servers may lie meanwhile.

    Raises
    ------
    AvatarflowError
        If originals, list or consents cannot be read, or no picture of the pool is one of the originals.
    """
    digests, table = pool_digests(pool), read_table(pool)
    with downloaded(entry, config["fhir_servers"], scratch) as with_files:
        allowed = _Originals(with_files, config, day).judge(
            dict(zip(digests, table["person"], strict=True))
        )
    causes = [allowed.get(digest, ABSENT) for digest in digests]
    if set(causes) == {ABSENT}:
        found = (
            "no picture of the pool is one of the originals: its settings or its source are others"
        )
        do = "let a run end, or name the entry with EVERYBODY=1 to delete all that goes back to its pool"
        raise refuse("withdrawal", found, do)
    return _gone(table, digests, causes)


class _Originals:
    """The originals of an entry as they are now, and who may be used of them."""

    def __init__(self, entry: dict[str, Any], config: Mapping[str, Any], day: str) -> None:
        self.entry, self.day, self.data_root = entry, day, config["data_root"]
        self.place = Place.of(entry, self.data_root)
        self.processes = int(config["compute"]["threads"])

    def judge(self, persons: Mapping[str, int]) -> dict[str, str]:
        """Return by digest of a picture why it may not be used; `OK` where one row allows it.

        Parameters
        ----------
        persons : mapping
            Who is who in the pool, by digest: patients whom a picture has made one are one here, too.
        """
        entry, step = self.entry, Step.null()
        asked = [*flat_columns(entry["patient_id_columns"]), *entry["conditions"]]
        asked += [*entry["constant_per_person"]]
        asked += columns_of(entry["consent"]) if self.place.consents else []
        every, who = read_and_identify(entry, self.place, list(dict.fromkeys(asked)))
        taken: list[str] = []

        def keep(picture: Pictures) -> int:
            taken.append(_digest(picture))
            return len(taken) - 1

        places, *_ = read_all(every, self.place.root, entry, self.processes, step, keep)
        shown = {row: taken[place] for row, place in places.items()}
        digests = every[ROW].map(shown)
        listed = np.zeros(len(every), bool)
        if entry["withdrawn"]:
            path = data_path(entry["withdrawn"], self.data_root)
            listed = rows_of_withdrawn(entry, self.place, every, who, path, step)
        reasons = np.where(listed, LISTED, OK).astype(object)
        stay = ~listed
        if self.place.consents and stay.any():
            kept = leave_out(every, listed)
            keys = identify(kept, entry["patient_id_columns"], entry["eye_columns"])[KEY]
            files = ConsentFiles(self.place.consents, self.day, "", "")
            gate = open_gate(entry["consent"], files, step)
            same = list(_joined(keys, digests[stay].reset_index(drop=True), persons))
            refused = gate.refused(kept, keys, same, kept[ROW])
            reasons[stay] = [refused.get(row, OK) for row in kept[ROW]]
        worst: dict[str, str] = {}
        for digest, reason, key in zip(digests, reasons, who[KEY], strict=True):
            if isinstance(digest, str) and (pd.notna(key) or reason):
                worst[digest] = OK if OK in (reason, worst.get(digest)) else reason
        return worst


def _joined(
    keys: "pd.Series[Any]", digests: "pd.Series[Any]", persons: Mapping[str, int]
) -> Iterator[tuple[Any, Any]]:
    """Yield patients who show one picture, or whom the pool holds for one person."""
    together: dict[Any, list[Any]] = defaultdict(list)
    for key, digest in zip(keys, digests, strict=True):
        if isinstance(digest, str) and pd.notna(key):
            together[digest].append(key)
            if digest in persons:
                together[persons[digest]].append(key)
    for members in together.values():
        yield from pairwise(members)


def _gone(table: pd.DataFrame, digests: Sequence[str], causes: Sequence[str]) -> Gone:
    """Return the persons of whom a picture has a cause; all their pictures count."""
    of_person: dict[int, str] = {}
    for person, cause in zip(table["person"], causes, strict=True):
        if cause:
            of_person.setdefault(int(person), cause)
    parts = {person: table[table["person"] == person] for person in of_person}
    return Gone(
        causes=of_person,
        pictures={person: len(rows) for person, rows in parts.items()},
        roles={person: str(rows["role"].iloc[0]) for person, rows in parts.items()},
        rows={person: tuple(map(int, rows["row"])) for person, rows in parts.items()},
        digests=frozenset(digest for digest, cause in zip(digests, causes, strict=True) if cause),
    )


def _digest(picture: Pictures) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()
