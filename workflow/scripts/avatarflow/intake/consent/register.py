"""All consents of a set of FHIR files, by the identifier of the patient who gave them."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from avatarflow.core.errors import problem

from ..fhir.people import People
from ..fhir.resources import Resource, read_resources
from ..identifiers import normalised
from .decisions import DENY, NONE, NOT_KNOWN, Days, Decision, changes, decide, worst
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
    patient may be another one.
    """

    asked: Asked
    by_value: dict[str, list[Statement]] = field(default_factory=dict)
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
        exact = decide(self.by_value.get(value.strip(), []), ask.require, ask.collect, ask.days)
        alike = self._alike.get(normalised(value), [])
        near = decide(alike, ask.require, ask.collect, ask.days)
        if near.outcome in (DENY, NOT_KNOWN):
            return Decision(worst([exact.outcome, near.outcome]))
        return exact

    def next_change(self) -> int | None:
        """Return the first day after today on which a decision may become another one, if there is any."""
        ask = self.asked
        codes = [*ask.require, *([ask.collect] if ask.collect else [])]
        every = {one.where: one for ones in self.by_value.values() for one in ones}.values()
        return min(changes(every, codes, ask.days.today), default=None)

    def unknown(self) -> dict[str, list[str]]:
        """Return why consents are unknown, each with the resources it is so for."""
        found: dict[str, list[str]] = defaultdict(list)
        every = {one.where: one for ones in self.by_value.values() for one in ones}.values()
        for one in every:
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
    people, consents = People(system), []
    for resource in read_resources(paths, ("Consent", "Patient"), WHAT):
        if resource.kind == "Patient":
            people.add(resource)
        else:
            consents.append(_Consent.of(resource, asked))
    people.close()
    by_value: dict[str, list[_Consent]] = defaultdict(list)
    patients: dict[str | None, set[frozenset[str]]] = defaultdict(set)
    for consent in consents:
        values = people.values_of(consent.patient, consent.statement.where)
        patients[consent.own].add(values)
        for value in values:
            by_value[value].append(consent)
    if not consents:
        people.problems.append(
            problem(WHAT, "no Consent resource", "name the files that hold them")
        )
    people.refuse_problems()
    # versions of one consent for other patients, or consents of other servers
    moved = {own for own, named in patients.items() if own is not None and len(named) > 1}
    today = asked.days.today
    statements = {value: list(_newest(each, moved, today)) for value, each in by_value.items()}
    return Register(asked, statements, len(consents))


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
