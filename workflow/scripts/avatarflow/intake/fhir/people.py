"""Who a FHIR reference means: the identifiers of a patient, over Patient resources, links and Bundles."""

import re
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from networkx.utils import UnionFind

from avatarflow.core.errors import problem

from ..identifiers import normalised
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

Record = Hashable
"""Patient resources that links make one; None stands for an identifier that no resource holds."""


@dataclass(frozen=True)
class Named:
    """Whom a reference names."""

    values: frozenset[str] = frozenset()
    """Every identifier that may be his: over links, and over identifiers that resources share."""
    surely: frozenset[tuple[str, Record]] = frozenset()
    """The identifiers of his own record, each with it: over links alone."""


class People:
    """The patients of a set of FHIR files.

    Parameters
    ----------
    system : str
        Patients are known by their `identifier` of this system; empty: by the id of the resource.
    today : int
        The day on which an identifier must be in use, as `date.toordinal` numbers it.
    """

    def __init__(self, system: str, today: int = 0) -> None:
        self.system = system
        self.today = today
        self.problems: list[str] = []
        self.resources: dict[str, Mapping[str, Any]] = {}
        self.held: dict[str, set[Record]] = defaultdict(set)
        """Which records hold an identifier; more than one may be of different patients."""
        self.ends: set[int] = set()
        """Days from which on an identifier is no longer in use."""
        self._by_url: dict[str, str] = {}
        self._links: list[tuple[str, str, Mapping[str, Any]]] = []
        self._same, self._near = UnionFind(), UnionFind()
        self._values: dict[str, set[str]] = {}
        self._of_record: dict[Record, set[str]] = defaultdict(set)
        self._of_near: dict[Hashable, frozenset[str]] = {}
        self._alike: dict[str | None, set[str]] = defaultdict(set)
        self._holders: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._in_use: set[str] = set()
        self._bases: set[str] = set()
        self._named_bases: set[str] = set()
        self._is_bare = False

    def add(self, resource: Resource) -> None:
        """Take in one Patient resource."""
        content, where = resource.content, resource.where
        own = content.get("id")
        unfit = resource.problem or changed_meaning(content)
        if unfit or not isinstance(own, str):
            self.problems.append(problem(where, unfit or "no id", DO_CORRECT))
            return
        if own in self.resources and dict(self.resources[own]) != dict(content):
            found = "a second, other resource of one id"
            self.problems.append(problem(where, found, "export only the newest version"))
            return
        self.resources[own] = content
        if resource.full_url and self._by_url.setdefault(resource.full_url, own) != own:
            found = "one name in two Bundles for two patients"
            self.problems.append(problem(where, found, "export them together"))
        if not self.see_server(resource):
            self._is_bare = True
        self._values[own] = {own} if not self.system else set()
        self._in_use.update(self._values[own])
        for identifier in content.get("identifier", []):
            self._add_identifier(own, identifier)
        links = content.get("link", [])
        if any(link.get("type") not in LINKS for link in links):
            found = "a link of a type that FHIR R4 does not have"
            self.problems.append(problem(where, found, DO_CORRECT))
        # what a link names may come later
        self._links.extend((own, where, link.get("other") or {}) for link in links)

    def see_server(self, resource: Resource) -> bool:
        """Note the server that a resource of any kind comes from; return whether it is told."""
        match = FULL.fullmatch(resource.full_url)
        if match is not None:
            self._bases.add(match["base"])
        return match is not None

    def close(self) -> None:
        """Join patients whom links and identifiers make one, after the last resource."""
        for own, where, other in self._links:
            if not self._join(own, other):
                self.problems.append(
                    problem(where, "a link to a patient who is not there", DO_GIVE)
                )
        for own, values in self._values.items():
            self._near.union(("id", own), *(("value", value) for value in values))
        near: dict[Hashable, set[str]] = defaultdict(set)
        for own, values in self._values.items():
            record = self._same["id", own]
            self._of_record[record].update(values)
            near[self._near["id", own]].update(values)
            for value in values:
                self.held[value].add(record)
                self._alike[normalised(value)].add(value)
        self._of_near = {root: frozenset(values) for root, values in near.items()}

    def linked(self, compared: str) -> set[str | None]:
        """Return every identifier that may be of the patient with this one, himself included.

        What is taken and returned is written as identifiers are compared. Links count in both
        directions and whatever their type is, and so do identifiers that resources share.
        """
        roots = {self._near["value", value] for value in self._alike.get(compared, ())}
        return {normalised(value) for root in roots for value in self._of_near[root]}

    def ended(self) -> set[str]:
        """Return the identifiers that nobody holds any longer: they may have been given to others."""
        return set(self.held) - self._in_use

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

    def values_of(self, reference: Any, where: str) -> frozenset[str]:
        """Return every identifier that may be of the patient whom a reference means."""
        return self.whom(reference, where).values

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
        if own is not None and own not in self._values and not self.system:
            return Named(frozenset([own]), frozenset([(own, None)]))
        record = None if own not in self._values else self._same["id", own]
        values = self._of_record.get(record, set())
        if not values:
            found = "a reference to a patient who is not there, or has no identifier of the system"
            self.problems.append(problem(where, found, DO_GIVE))
            return Named()
        if value is not None and value not in values:
            found = "a reference and an identifier of two patients"
            self.problems.append(problem(where, found, DO_CORRECT))
            return Named()
        surely = frozenset((each, record) for each in values)
        return Named(self._of_near[self._near["id", own]], surely)

    def _holding(self, value: str) -> Named:
        """Return whom an identifier names; nobody surely where several records hold it."""
        if value not in self.held:
            return Named(frozenset([value]), frozenset([(value, None)]))
        records = self.held[value]
        surely = frozenset((value, record) for record in records if len(records) == 1)
        return Named(self._of_near[self._near["value", value]], surely)

    def _add_identifier(self, own: str, identifier: Mapping[str, Any]) -> None:
        """Take in an identifier of a Patient resource, but not a word that says that there is none."""
        key = _key(identifier)
        if key is None:
            return
        self._holders[key].add(own)
        if not self.system or key[0] != self.system:
            return
        self._values[own].add(key[1])
        is_in_use, end = identifier.get("use") != "old", (identifier.get("period") or {}).get("end")
        if end is not None:
            day = day_of(str(end)) or 0  # a year or a month without a day has ended, to be safe
            is_in_use &= day >= self.today
            self.ends.add(day + 1)
        if is_in_use:
            self._in_use.add(key[1])

    def _join(self, own: str, other: Mapping[str, Any]) -> bool:
        """Join a patient with whom a link names; return whether that is known."""
        named = other.get("reference")
        if other.get("type") == "RelatedPerson" or RELATED.fullmatch(str(named)):
            return True
        linked, key = self._local(named), _key(other.get("identifier"))
        if linked is not None and not self.system:
            self._values.setdefault(linked, {linked})  # may be named without a resource of his
            self._in_use.add(linked)
        is_known = linked in self._values
        if is_known:
            self._same.union(("id", own), ("id", linked))
            self._near.union(("id", own), ("id", linked))
        if key is None:
            return is_known
        holders = self._holders.get(key, set())
        self._near.union(("id", own), *(("id", holder) for holder in holders))
        if len(holders - {own}) == 1:  # several may be of different patients
            self._same.union(("id", own), *(("id", holder) for holder in holders))
        if not holders and self.system and key[0] == self.system:
            self._values[own].add(key[1])
            self._in_use.add(key[1])
            return True
        return is_known or bool(holders)

    def _local(self, reference: Any) -> str | None:
        """Return the id of the Patient resource that a reference names."""
        if not isinstance(reference, str):
            return None
        match = LOCAL.fullmatch(reference)
        if match is None:
            return self._by_url.get(reference)
        if match["base"]:
            self._named_bases.add(match["base"])
        else:
            self._is_bare = True
        return self._by_url.get(reference, match["id"])


def read_people(paths: Sequence[str], system: str, what: str) -> People:
    """Read the patients of some FHIR files, and nothing else of them.

    Parameters
    ----------
    paths, what
        As for `read_resources`.
    system : str
        As for `People`.

    Raises
    ------
    AvatarflowError
        For files that cannot be read, and for links of a type that is not known or to nobody.
    """
    people = People(system)
    for resource in read_resources(paths, ("Patient",), what):
        people.add(resource)
    people.close()
    people.refuse_problems()
    return people


def _key(identifier: Any) -> tuple[str, str] | None:
    """Return system and value of an identifier; None where it names nobody."""
    if not isinstance(identifier, Mapping):
        return None
    system, value = identifier.get("system"), identifier.get("value")
    if not isinstance(system, str) or not isinstance(value, str) or normalised(value) is None:
        return None
    return system, value.strip()
