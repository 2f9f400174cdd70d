"""All consents of a set of FHIR files, by the identifier of the patient who gave them."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from avatarflow.core.errors import problem

from ..fhir.database import Database
from ..fhir.days import in_all
from ..fhir.people import People, digest_of_content
from ..fhir.resources import Resource, read_resources
from ..identifiers import normalised
from .decisions import DENY, NONE, NOT_KNOWN, PERMIT, Days, Decision, changes, decide, worst
from .statements import UNKNOWN, Clause, Statement, statement_of

WHAT = "consent file"
TABLES = """
CREATE TABLE consent (number INTEGER PRIMARY KEY, own, updated, digest, said, patient, near INTEGER, surely);
CREATE INDEX by_own ON consent (own);
CREATE INDEX by_patient ON consent (near);
CREATE TABLE asked (number INTEGER PRIMARY KEY, near INTEGER UNIQUE)
"""
"""`near` and `surely` as in `people.Named`; `asked` has who gave consents, in the order of the first."""


@dataclass(frozen=True)
class Asked:
    """What an entry asks of a consent."""

    require: tuple[str, ...]
    collect: str | None
    purposes: frozenset[str]
    days: Days


class Register:
    """The consents of all patients, on disk: they are read and sorted for one patient at a time.

    An identifier that is only spelled alike (`intake.identifiers`) denies, but never permits: the
    patient may be another one. So does one that several records hold: each of them must permit.

    Parameters
    ----------
    asked : Asked
    people : People
        Whose database holds the consents, too.
    n_resources : int
        How many consents there are.
    """

    def __init__(self, asked: Asked, people: People, n_resources: int) -> None:
        self.asked = asked
        self.n_resources = n_resources
        self._people = people

    def decide(self, value: str) -> Decision:
        """Decide for the patient with an identifier, as the manifest writes it."""
        ask, compared = self.asked, normalised(value)
        if compared is None:  # a word for none, such as "unknown", is nobody's
            return Decision(NONE)
        alike = {near: self._newest_of(near) for near in self._people.near_alike(compared)}
        own = value.strip()
        near = self._people.near_of(own)
        exact = self._exactly(own, [] if near is None else alike[near])
        statements = [one.statement for each in alike.values() for one in each]
        spelled = decide(statements, ask.require, ask.collect, ask.days)
        if spelled.outcome in (DENY, NOT_KNOWN):
            return Decision(worst([exact.outcome, spelled.outcome]))
        return exact

    def _exactly(self, value: str, newest: Sequence["_Consent"]) -> Decision:
        """Decide for an identifier as it is spelled, as the worst of the records that hold it.

        Parameters
        ----------
        newest : list of _Consent
            Everything that may be said of the patient with this identifier.
        """
        ask = self.asked
        denying = [
            replace(one.statement, permits=())
            for one in newest
            if one.statement.denials or one.statement.state == UNKNOWN
        ]
        each = []
        for case in self._people.cases(value):
            said = [one.statement for one in newest if case in one.surely]
            each.append(decide([*said, *denying], ask.require, ask.collect, ask.days))
        outcome = worst(one.outcome for one in each)
        if outcome != PERMIT:
            return Decision(outcome)
        if self._people.has_ended(value):
            return Decision(NOT_KNOWN)
        return Decision(PERMIT, tuple(in_all(one.collected for one in each)))

    def next_change(self) -> int | None:
        """Return the first day after today on which a decision may become another one, if there is any."""
        ask = self.asked
        codes = [*ask.require, *([ask.collect] if ask.collect else [])]
        today = ask.days.today
        ends = [day for day in self._people.ends if day > today]
        first = min(changes(self._statements(), codes, today), default=None)
        return min([*ends, *([] if first is None else [first])], default=None)

    def unknown(self) -> dict[str, list[str]]:
        """Return why consents are unknown, each with the resources it is so for."""
        places: dict[str, list[str]] = defaultdict(list)
        for one in self._statements():
            if one.state == UNKNOWN:
                places[one.problem].append(one.where)
        return dict(places)

    def _statements(self) -> Iterator[Statement]:
        """Yield the statement of each consent, patient by patient."""
        for (near,) in self._people.database.rows("SELECT near FROM asked ORDER BY number"):
            yield from (one.statement for one in self._newest_of(near))

    def _newest_of(self, near: int) -> list["_Consent"]:
        """Return the newest version of each consent that may be of a patient."""
        statement = (
            "SELECT number, own, updated, digest, said, surely FROM consent WHERE near = ?"
            " ORDER BY number"
        )
        consents = [_Consent.of_row(*row) for row in self._people.database.rows(statement, near)]
        return list(_newest(consents, self._is_moved, self.asked.days.today))

    def _is_moved(self, own: str) -> bool:
        """Whether versions of one consent are for several patients, or consents of several servers."""
        statement = "SELECT DISTINCT near, surely FROM consent WHERE own = ? LIMIT 2"
        return len(list(self._people.database.rows(statement, own))) > 1


def read_register(
    paths: Sequence[str], system: str, asked: Asked, folder: str | None = None
) -> Register:
    """Read every consent of some files.

    Parameters
    ----------
    paths : list of str
        FHIR files with Consent and, where patients are known by an identifier, Patient resources.
    system : str
        The system of the patients' identifiers; empty: patients are known by the id of Patient.
    asked : Asked
    folder : str, optional
        As for `Database`.

    Raises
    ------
    AvatarflowError
        If a file cannot be read, or a consent does not say whose it is; all such consents at once.
    """
    database = Database(folder)
    people, count = People(database, system, asked.days.today), 0
    database.tables(TABLES)
    for resource in read_resources(paths, ("Consent", "Patient"), WHAT):
        if resource.kind == "Patient":
            people.add(resource)
        else:
            people.see_server(resource)
            _keep(resource, asked, database)
            count += 1
    people.close()
    for number in range(1, count + 1):
        _name(number, people)
    if not count:
        people.problems.append(
            problem(WHAT, "no Consent resource", "name the files that hold them")
        )
    people.refuse_problems()
    database.end()
    return Register(asked, people, count)


def _keep(resource: Resource, asked: Asked, database: Database) -> None:
    """Keep what a Consent resource says, of whom, and which version of which it is."""
    content = resource.content
    if resource.problem:
        said = Statement(resource.where, UNKNOWN, problem=resource.problem)
    else:
        said = statement_of(content, resource.where, asked.purposes, asked.days.today)
    own, updated = content.get("id"), _time(content.get("meta"))
    database.run(
        "INSERT INTO consent (own, updated, digest, said, patient) VALUES (?, ?, ?, ?, ?)",
        own if isinstance(own, str) else None,
        updated and updated.isoformat(),
        digest_of_content(content),
        json.dumps([said.where, said.state, said.signed, said.permits, said.denials, said.problem]),
        json.dumps(content.get("patient")),
    )


def _name(number: int, people: People) -> None:
    """Note whom a consent is of."""
    database = people.database
    statement = "SELECT said, patient FROM consent WHERE number = ?"
    said, patient = database.row(statement, number) or ("[]", "null")
    whom = people.whom(json.loads(patient), json.loads(said)[0])
    statement = "UPDATE consent SET near = ?, surely = ? WHERE number = ?"
    database.run(statement, whom.near, json.dumps(sorted(whom.surely)), number)
    database.run("INSERT OR IGNORE INTO asked (near) VALUES (?)", whom.near)


@dataclass(frozen=True)
class _Consent:
    """One resource: what it says, of whom, and which version of which it is."""

    number: int
    statement: Statement
    own: str | None
    updated: datetime | None
    digest: str
    surely: frozenset[tuple[int, int]]

    @classmethod
    def of_row(
        cls, number: int, own: str | None, updated: str | None, digest: str, said: str, surely: str
    ) -> "_Consent":
        where, state, signed, permits, denials, problem = json.loads(said)
        statement = Statement(where, state, signed, _clauses(permits), _clauses(denials), problem)
        time = None if updated is None else datetime.fromisoformat(updated)
        pairs = frozenset((node, record) for node, record in json.loads(surely))
        return cls(number, statement, own, time, digest, pairs)


def _clauses(kept: Iterable[Any]) -> tuple[Clause, ...]:
    return tuple((code, (first, last)) for code, (first, last) in kept)


def _time(meta: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(meta["lastUpdated"])
    except (KeyError, TypeError, ValueError):
        return None
    return time if time.tzinfo else None


def _newest(
    consents: Iterable[_Consent], is_moved: Callable[[str], bool], today: int
) -> Iterator[_Consent]:
    """Yield the newest version of each consent of a patient; unknown where none can be told to be it."""
    versions: dict[str | int, list[_Consent]] = defaultdict(list)
    for consent in consents:
        versions[consent.own or consent.number].append(consent)
    for each in versions.values():
        own, times = each[0].own, [one.updated for one in each]
        newest = max((time for time in times if time), default=None)
        if own and is_moved(own):
            yield from _unknown(each, "versions of several patients")
        elif len({one.digest for one in each}) == 1:
            yield each[0]
        elif None in times or newest is None or times.count(newest) > 1:
            yield from _unknown(each, "several versions, of which none is the newest")
        elif newest.date().toordinal() > today:
            yield from _unknown(each, "several versions, of which one is of the future")
        else:
            yield each[times.index(newest)]


def _unknown(consents: Iterable[_Consent], problem: str) -> Iterator[_Consent]:
    for one in consents:
        said = replace(one.statement, state=UNKNOWN, permits=(), problem=problem)
        yield replace(one, statement=said)
