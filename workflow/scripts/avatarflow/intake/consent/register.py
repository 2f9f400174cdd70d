"""All consents of a set of FHIR files, by the identifier of the patient who gave them."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from avatarflow.core.errors import problem

from ..fhir.days import in_all
from ..fhir.people import Named, People, Record
from ..fhir.resources import Resource, read_resources
from ..identifiers import normalised
from .decisions import DENY, NONE, NOT_KNOWN, PERMIT, Days, Decision, changes, decide, worst
from .statements import UNKNOWN, Statement, statement_of

WHAT = "consent file"


@dataclass(frozen=True)
class Asked:
    """What an entry asks of a consent."""

    require: tuple[str, ...]
    collect: str | None
    purposes: frozenset[str]
    days: Days


@dataclass
class Register:
    """The consents of all patients.

    An identifier that is only spelled alike (`intake.identifiers`) denies, but never permits: the
    patient may be another one. So does one that several records hold: each of them must permit.
    """

    asked: Asked
    by_value: dict[str, list[Statement]] = field(default_factory=dict)
    """Everything that may be said of the patient with an identifier."""
    by_record: dict[str, list[list[Statement]]] = field(default_factory=dict)
    """What each record with an identifier says, and what may deny beside it."""
    ended: Collection[str] = frozenset()
    """Identifiers that nobody holds any longer; they deny, but never permit."""
    ends: Collection[int] = frozenset()
    """Days from which on an identifier is held no longer."""
    n_resources: int = 0

    def __post_init__(self) -> None:
        self._alike: dict[str | None, list[Statement]] = defaultdict(list)
        for value, statements in self.by_value.items():
            self._alike[normalised(value)].extend(statements)

    def decide(self, value: str) -> Decision:
        """Decide for the patient with an identifier, as the manifest writes it."""
        ask = self.asked
        if normalised(value) is None:  # a word for none, such as "unknown", is nobody's
            return Decision(NONE)
        exact = self._exactly(value.strip())
        alike = self._alike.get(normalised(value), [])
        near = decide(alike, ask.require, ask.collect, ask.days)
        if near.outcome in (DENY, NOT_KNOWN):
            return Decision(worst([exact.outcome, near.outcome]))
        return exact

    def _exactly(self, value: str) -> Decision:
        """Decide for an identifier as it is spelled, as the worst of the records that hold it."""
        ask = self.asked
        each = [
            decide(statements, ask.require, ask.collect, ask.days)
            for statements in self.by_record.get(value, [])
        ]
        outcome = worst(one.outcome for one in each)
        if outcome != PERMIT:
            return Decision(outcome)
        if value in self.ended:
            return Decision(NOT_KNOWN)
        return Decision(PERMIT, tuple(in_all(one.collected for one in each)))

    def next_change(self) -> int | None:
        """Return the first day after today on which a decision may become another one, if there is any."""
        ask = self.asked
        codes = [*ask.require, *([ask.collect] if ask.collect else [])]
        today = ask.days.today
        ends = [day for day in self.ends if day > today]
        return min([*changes(self._statements(), codes, today), *ends], default=None)

    def _statements(self) -> Iterable[Statement]:
        """Return each consent's statement once, however many identifiers it is found by."""
        return {one.where: one for ones in self.by_value.values() for one in ones}.values()

    def unknown(self) -> dict[str, list[str]]:
        """Return why consents are unknown, each with the resources it is so for."""
        found: dict[str, list[str]] = defaultdict(list)
        for one in self._statements():
            if one.state == UNKNOWN:
                found[one.problem].append(one.where)
        return dict(found)


def read_register(paths: Sequence[str], system: str, asked: Asked) -> Register:
    """Read every consent of some files.

    Parameters
    ----------
    paths : list of str
        FHIR files with Consent and, where patients are known by an identifier, Patient resources.
    system : str
        The system of the patients' identifiers; empty: patients are known by the id of Patient.
    asked : Asked

    Raises
    ------
    AvatarflowError
        If a file cannot be read, or a consent does not say whose it is; all such consents at once.
    """
    people, consents = People(system, asked.days.today), []
    for resource in read_resources(paths, ("Consent", "Patient"), WHAT):
        if resource.kind == "Patient":
            people.add(resource)
        else:
            people.see_server(resource)
            consents.append(_Consent.of(resource, asked))
    people.close()
    named = [people.whom(consent.patient, consent.statement.where) for consent in consents]
    if not consents:
        people.problems.append(
            problem(WHAT, "no Consent resource", "name the files that hold them")
        )
    people.refuse_problems()
    by_value, by_record = _sorted(consents, named, people.held, asked.days.today)
    return Register(asked, by_value, by_record, people.ended(), people.ends, len(consents))


def _sorted(
    consents: Sequence["_Consent"],
    named: Sequence[Named],
    held: Mapping[str, Collection[Record]],
    today: int,
) -> tuple[dict[str, list[Statement]], dict[str, list[list[Statement]]]]:
    """Sort the consents by those whom they may be of, and by those whom they are of."""
    by_value: dict[str, list[Statement]] = {}
    by_record: dict[str, list[list[Statement]]] = {}
    near: dict[frozenset[str], list[_Consent]] = defaultdict(list)
    patients: dict[str | None, set[Named]] = defaultdict(set)
    surely: dict[str, frozenset[tuple[str, Record]]] = {}
    for consent, whom in zip(consents, named, strict=True):
        near[whom.values].append(consent)
        patients[consent.own].add(whom)
        surely[consent.statement.where] = whom.surely
    # versions of one consent for other patients, or consents of other servers
    moved = {own for own, each in patients.items() if own is not None and len(each) > 1}
    for values, group in near.items():
        newest = list(_newest(group, moved, today))
        denying = [
            replace(one, permits=()) for one in newest if one.denials or one.state == UNKNOWN
        ]
        said: dict[tuple[str, Record], list[Statement]] = defaultdict(list)
        for one in newest:
            for case in surely[one.where]:
                said[case].append(one)
        for value in values:
            by_value[value] = newest
            by_record[value] = [
                [*said.get((value, record), []), *denying] for record in held.get(value, [None])
            ]
    return by_value, by_record


@dataclass(frozen=True)
class _Consent:
    """One resource: what it says, of whom, and which version of which it is."""

    statement: Statement
    patient: Any
    own: str | None
    updated: datetime | None
    text: int

    @classmethod
    def of(cls, resource: Resource, asked: Asked) -> "_Consent":
        content: Mapping[str, Any] = resource.content
        if resource.problem:
            statement = Statement(resource.where, UNKNOWN, problem=resource.problem)
        else:
            today = asked.days.today
            statement = statement_of(content, resource.where, asked.purposes, today)
        own = content.get("id")
        return cls(
            statement,
            content.get("patient"),
            own if isinstance(own, str) else None,
            _time(content.get("meta")),
            hash(json.dumps(content, sort_keys=True)),
        )


def _time(meta: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(meta["lastUpdated"])
    except (KeyError, TypeError, ValueError):
        return None
    return time if time.tzinfo else None


def _newest(
    consents: Iterable[_Consent], moved: Collection[str], today: int
) -> Iterable[Statement]:
    """Yield the newest version of each consent of a patient; unknown where none can be told to be it."""
    versions: dict[Any, list[_Consent]] = defaultdict(list)
    for place, consent in enumerate(consents):
        versions[consent.own or place].append(consent)
    for own, each in versions.items():
        times = [one.updated for one in each]
        newest = max((time for time in times if time), default=None)
        if own in moved:
            yield from _unknown(each, "versions of several patients")
        elif len({one.text for one in each}) == 1:
            yield each[0].statement
        elif None in times or newest is None or times.count(newest) > 1:
            yield from _unknown(each, "several versions, of which none is the newest")
        elif newest.date().toordinal() > today:
            yield from _unknown(each, "several versions, of which one is of the future")
        else:
            yield each[times.index(newest)].statement


def _unknown(consents: Iterable[_Consent], problem: str) -> Iterable[Statement]:
    for one in consents:
        yield replace(one.statement, state=UNKNOWN, permits=(), problem=problem)
