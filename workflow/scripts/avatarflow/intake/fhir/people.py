"""Who a FHIR reference means: the identifiers of a patient, over Patient resources, links and Bundles."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from avatarflow.core.errors import problem

from ..identifiers import normalised
from .database import Database, Groups
from .days import day_of
from .models import changed_meaning
from .resources import Resource, read_resources, refuse_all

LOCAL = re.compile(
    r"(?:(?P<base>https?://\S+)/)?Patient/(?P<id>[A-Za-z0-9.-]{1,64})(/_history/\S+)?"
)
FULL = re.compile(r"(?P<base>https?://\S+)/[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}(/_history/\S+)?")
RELATED = re.compile(r"(?:\S+/)?RelatedPerson/\S+")
DO_GIVE = "give the file with this Patient resource"
DO_CORRECT = "correct it, or leave it out of the export"
DO_ONE_SERVER = "give the export of one server"
LINKS = (
    "replaced-by",
    "replaces",
    "refer",
    "seealso",
)  # http://hl7.org/fhir/R4/valueset-link-type.html

LABELS = ("gender", "birthDate")
NO_RECORD = -1
"""Stands for the record of an identifier that no resource holds."""
TABLES = """
CREATE TABLE patient (node INTEGER PRIMARY KEY, id UNIQUE, digest, gender, born);
CREATE TABLE url (name PRIMARY KEY, id) WITHOUT ROWID;
CREATE TABLE link (number INTEGER PRIMARY KEY, patient INTEGER, place, other);
CREATE TABLE holder (system, value, patient INTEGER, PRIMARY KEY (system, value, patient)) WITHOUT ROWID;
CREATE TABLE identifier (node INTEGER PRIMARY KEY, value UNIQUE, compared, in_use INTEGER);
CREATE INDEX by_compared ON identifier (compared);
CREATE TABLE has (patient INTEGER, identifier INTEGER, PRIMARY KEY (patient, identifier)) WITHOUT ROWID;
CREATE TABLE joined (node INTEGER PRIMARY KEY, record INTEGER, near INTEGER);
CREATE INDEX by_near ON joined (near);
CREATE TABLE held (identifier INTEGER, record INTEGER, PRIMARY KEY (identifier, record)) WITHOUT ROWID;
CREATE INDEX by_record ON held (record)
"""
"""Patients and identifiers are numbered together as nodes. A record is the patients whom links make one, `near` all
patients and identifiers that links and shared identifiers may make one; both are named by their first node.
Numbers are declared as such: an index serves to compare equal types only."""


@dataclass(frozen=True)
class Named:
    """Whom a reference names, by number."""

    near: int = NO_RECORD
    """Stands for every identifier that may be his: over links, and over identifiers that resources share."""
    surely: frozenset[tuple[int, int]] = frozenset()
    """The identifiers of his own record, each with it: over links alone."""


class People:
    """The patients of a set of FHIR files, on disk: in memory are 8 bytes for each patient and identifier.

    Parameters
    ----------
    database : Database
    system : str
        Patients are known by their `identifier` of this system; empty: by the id of the resource.
    today : int
        The day on which an identifier must be in use, as `date.toordinal` numbers it.
    """

    def __init__(self, database: Database, system: str, today: int = 0) -> None:
        self.database = database
        self.system = system
        self.today = today
        self.problems: list[str] = []
        self.ends: set[int] = set()
        """Days from which on an identifier is no longer in use."""
        self._same, self._near = Groups(), Groups()
        self._bases: set[str] = set()
        self._named_bases: set[str] = set()
        self._is_bare = False
        database.tables(TABLES)

    def add(self, resource: Resource) -> None:
        """Take in one Patient resource."""
        content, where = resource.content, resource.where
        own = content.get("id")
        unfit = resource.problem or changed_meaning(content)
        if unfit or not isinstance(own, str):
            self.problems.append(problem(where, unfit or "no id", DO_CORRECT))
            return
        digest = digest_of_content(content)
        known = self.database.row("SELECT node, digest FROM patient WHERE id = ?", own)
        if known is not None and known[1] != digest:
            found = "a second, other resource of one id"
            self.problems.append(problem(where, found, "export only the newest version"))
            return
        node = self._new_patient(own) if known is None else int(known[0])
        said = [each if isinstance(each, str) else None for each in map(content.get, LABELS)]
        statement = "UPDATE patient SET digest = ?, gender = ?, born = ? WHERE node = ?"
        self.database.run(statement, digest, *said, node)
        if resource.full_url:
            self.database.run("INSERT OR IGNORE INTO url VALUES (?, ?)", resource.full_url, own)
            if self._named(resource.full_url) != own:
                found = "one name in two Bundles for two patients"
                self.problems.append(problem(where, found, "export them together"))
        if not self.see_server(resource):
            self._is_bare = True
        for identifier in content.get("identifier", []):
            self._add_identifier(node, identifier)
        links = content.get("link", [])
        if any(link.get("type") not in LINKS for link in links):
            found = "a link of a type that FHIR R4 does not have"
            self.problems.append(problem(where, found, DO_CORRECT))
        for link in links:  # what a link names may come later
            other = json.dumps(link.get("other") or {})
            statement = "INSERT INTO link (patient, place, other) VALUES (?, ?, ?)"
            self.database.run(statement, node, where, other)

    def see_server(self, resource: Resource) -> bool:
        """Note the server that a resource of any kind comes from; return whether it is told."""
        match = FULL.fullmatch(resource.full_url)
        if match is not None:
            self._bases.add(match["base"])
        return match is not None

    def close(self) -> None:
        """Join patients whom links and identifiers make one, after the last resource."""
        for node, where, other in self.database.rows(
            "SELECT patient, place, other FROM link ORDER BY number"
        ):
            if not self._join(node, json.loads(other)):
                self.problems.append(
                    problem(where, "a link to a patient who is not there", DO_GIVE)
                )
        for node in range(len(self._near)):
            groups = self._same.first(node), self._near.first(node)
            self.database.run("INSERT INTO joined VALUES (?, ?, ?)", node, *groups)
        self.database.run(
            "INSERT OR IGNORE INTO held"
            " SELECT has.identifier, joined.record FROM has JOIN joined ON joined.node = has.patient"
        )

    def linked(self, compared: str) -> set[str | None]:
        """Return every identifier that may be of the patient with this one, himself included.

        What is taken and returned is written as identifiers are compared. Links count in both
        directions and whatever their type is, and so do identifiers that resources share.
        """
        statement = (
            "SELECT other.compared FROM joined JOIN identifier AS other USING (node) WHERE near = ?"
        )
        return {
            value
            for near in self.near_alike(compared)
            for (value,) in self.database.rows(statement, near)
        }

    def near_alike(self, compared: str) -> list[int]:
        """Return the numbers of those who may have an identifier, written as identifiers are compared."""
        statement = (
            "SELECT DISTINCT near FROM identifier JOIN joined USING (node) WHERE compared = ?"
        )
        return [near for (near,) in self.database.rows(statement, compared)]

    def near_of(self, value: str) -> int | None:
        """Return the number of those who may have an identifier that is spelled so."""
        statement = "SELECT near FROM identifier JOIN joined USING (node) WHERE value = ?"
        row = self.database.row(statement, value)
        return None if row is None else int(row[0])

    def cases(self, value: str) -> list[tuple[int, int]]:
        """Return the number of an identifier, with each record that holds it."""
        statement = (
            "SELECT node, record FROM identifier LEFT JOIN held ON held.identifier = node"
            " WHERE value = ?"
        )
        rows = self.database.rows(statement, value)
        return [(node, NO_RECORD if record is None else record) for node, record in rows]

    def has_ended(self, value: str) -> bool:
        """Whether nobody holds an identifier any longer: it may have been given to somebody else."""
        statement = (
            "SELECT in_use FROM identifier JOIN held ON held.identifier = node WHERE value = ?"
        )
        return self.database.row(statement, value) == (0,)

    def persons(self, near: int) -> Iterator[tuple[str | None, str | None]]:
        """Yield gender and date of birth of each resource that may be of a patient."""
        yield from self.database.rows(  # type: ignore[misc]
            "SELECT gender, born FROM joined JOIN patient USING (node)"
            " WHERE near = ? AND digest IS NOT NULL",
            near,
        )

    def ids(self) -> Iterator[str]:
        """Yield the id of each resource, in the order of the files."""
        statement = "SELECT id FROM patient WHERE digest IS NOT NULL ORDER BY node"
        yield from (own for (own,) in self.database.rows(statement))

    def refuse_problems(self) -> None:
        """Raise one error of all that was found, after the last reference."""
        servers = len(self._bases | self._named_bases)
        if servers > 1:
            found = (
                f"names of and references to {servers} servers, "
                "whose ids may be of different patients"
            )
            self.problems.append(problem("FHIR files", found, DO_ONE_SERVER))
        elif self._named_bases and not self._bases and self._is_bare:
            found = "references to a server beside ids of which no server is told"
            do = f"{DO_ONE_SERVER}, with references of one form"
            self.problems.append(problem("FHIR files", found, do))
        refuse_all(self.problems)

    def whom(self, reference: Any, where: str) -> Named:
        """Return whom a reference names; nobody is a problem, too.

        A logical reference by `identifier` counts where it is of the system.
        """
        if not isinstance(reference, Mapping):
            self.problems.append(problem(where, "it names no patient", DO_CORRECT))
            return Named()
        named, logical = reference.get("reference"), _key(reference.get("identifier"))
        value = logical[1] if logical and self.system and logical[0] == self.system else None
        if named is None:
            if value is None:
                found = "a reference without a patient's identifier"
                self.problems.append(problem(where, found, DO_CORRECT))
                return Named()
            return self._holding(value)
        own = self._local(named)
        patient = None if own is None else self._patient(own)
        if own is not None and patient is None and not self.system:
            return self._holding(own)
        statement = "SELECT record, near FROM joined WHERE node = ?"
        record, near = self.database.row(statement, patient) or (NO_RECORD, NO_RECORD)
        statement = "SELECT identifier FROM held WHERE record = ?"
        values = [node for (node,) in self.database.rows(statement, record)]
        if not values:
            found = "a reference to a patient who is not there, or has no identifier of the system"
            self.problems.append(problem(where, found, DO_GIVE))
            return Named()
        if value is not None and self._identifier(value) not in values:
            found = "a reference and an identifier of two patients"
            self.problems.append(problem(where, found, DO_CORRECT))
            return Named()
        return Named(near, frozenset((each, record) for each in values))

    def _holding(self, value: str) -> Named:
        """Return whom an identifier names; nobody surely where several records hold it."""
        cases = self.cases(value)
        if not cases:
            node = self._new_identifier(value)
            self.database.run("INSERT INTO joined VALUES (?, ?, ?)", node, node, node)
            cases = [(node, NO_RECORD)]
        near = self.near_of(value)
        return Named(
            NO_RECORD if near is None else near, frozenset(cases if len(cases) == 1 else ())
        )

    def _add_identifier(self, patient: int, identifier: Mapping[str, Any]) -> None:
        """Take in an identifier of a Patient resource, but not a word that says that there is none."""
        key = _key(identifier)
        if key is None:
            return
        self.database.run("INSERT OR IGNORE INTO holder VALUES (?, ?, ?)", *key, patient)
        if not self.system or key[0] != self.system:
            return
        is_in_use, end = identifier.get("use") != "old", (identifier.get("period") or {}).get("end")
        if end is not None:
            day = day_of(str(end)) or 0  # a year or a month without a day has ended, to be safe
            is_in_use &= day >= self.today
            self.ends.add(day + 1)
        self._give(patient, key[1], is_in_use)

    def _join(self, patient: int, other: Mapping[str, Any]) -> bool:
        """Join a patient with whom a link names; return whether that is known."""
        named = other.get("reference")
        if other.get("type") == "RelatedPerson" or RELATED.fullmatch(str(named)):
            return True
        own, key = self._local(named), _key(other.get("identifier"))
        linked = None if own is None else self._patient(own)
        if own is not None and linked is None and not self.system:
            linked = self._new_patient(own)  # may be named without a resource of his
        if linked is not None:
            self._same.join(patient, linked)
            self._near.join(patient, linked)
        if key is None:
            return linked is not None
        statement = "SELECT patient FROM holder WHERE system = ? AND value = ?"
        holders = {holder for (holder,) in self.database.rows(statement, *key)}
        self._near.join(patient, *holders)
        if len(holders - {patient}) == 1:  # several may be of different patients
            self._same.join(patient, *holders)
        if not holders and self.system and key[0] == self.system:
            self._give(patient, key[1], True)
            return True
        return linked is not None or bool(holders)

    def _patient(self, own: str) -> int | None:
        """Return the number of a patient who is known by the id of a resource."""
        row = self.database.row("SELECT node FROM patient WHERE id = ?", own)
        return None if row is None else int(row[0])

    def _identifier(self, value: str) -> int | None:
        """Return the number of an identifier that is spelled so."""
        row = self.database.row("SELECT node FROM identifier WHERE value = ?", value)
        return None if row is None else int(row[0])

    def _new_node(self) -> int:
        self._near.add()
        return self._same.add()

    def _new_patient(self, own: str) -> int:
        node = self._new_node()
        self.database.run("INSERT INTO patient (node, id) VALUES (?, ?)", node, own)
        if not self.system:
            self._give(node, own, True)
        return node

    def _new_identifier(self, value: str) -> int:
        node = self._new_node()
        statement = "INSERT INTO identifier VALUES (?, ?, ?, 0)"
        self.database.run(statement, node, value, normalised(value))
        return node

    def _give(self, patient: int, value: str, is_in_use: bool) -> None:
        """Note that a patient has an identifier."""
        node = self._identifier(value)
        node = self._new_identifier(value) if node is None else node
        self.database.run("INSERT OR IGNORE INTO has VALUES (?, ?)", patient, node)
        self._near.join(patient, node)
        if is_in_use:
            self.database.run("UPDATE identifier SET in_use = 1 WHERE node = ?", node)

    def _local(self, reference: Any) -> str | None:
        """Return the id of the Patient resource that a reference names."""
        if not isinstance(reference, str):
            return None
        match = LOCAL.fullmatch(reference)
        if match is None:
            return self._named(reference)
        if match["base"]:
            self._named_bases.add(match["base"])
        else:
            self._is_bare = True
        return self._named(reference) or match["id"]

    def _named(self, url: str) -> str | None:
        """Return the id of the patient who has a name in a Bundle."""
        row = self.database.row("SELECT id FROM url WHERE name = ?", url)
        return None if row is None else str(row[0])


def read_people(paths: Sequence[str], system: str, what: str, folder: str | None = None) -> People:
    """Read the patients of some FHIR files, and nothing else of them.

    Parameters
    ----------
    paths, what
        As for `read_resources`.
    system : str
        As for `People`.
    folder : str, optional
        As for `Database`.

    Raises
    ------
    AvatarflowError
        For files that cannot be read, and for links of a type that is not known or to nobody.
    """
    people = People(Database(folder), system)
    for resource in read_resources(paths, ("Patient",), what):
        people.add(resource)
    people.close()
    people.refuse_problems()
    people.database.end()
    return people


def digest_of_content(content: Mapping[str, Any]) -> str:
    """Return a digest of a resource, blind to the order of its elements."""
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _key(identifier: Any) -> tuple[str, str] | None:
    """Return system and value of an identifier; None where it names nobody."""
    if not isinstance(identifier, Mapping):
        return None
    system, value = identifier.get("system"), identifier.get("value")
    if not isinstance(system, str) or not isinstance(value, str) or normalised(value) is None:
        return None
    return system, value.strip()
