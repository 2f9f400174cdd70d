"""Who a FHIR reference means: the identifiers of a patient, over Patient resources, links and Bundles."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from networkx.utils import UnionFind

from avatarflow.core.errors import problem

from .models import changed_meaning
from .resources import Resource, refuse_all

LOCAL = re.compile(
    r"(?:(?P<base>https?://\S+)/)?Patient/(?P<id>[A-Za-z0-9.-]{1,64})(/_history/\S+)?"
)
DO_GIVE = "give the file with this Patient resource"
DO_CORRECT = "correct it, or leave it out of the export"


class People:
    """The patients of a set of FHIR files.

    Parameters
    ----------
    system : str
        Patients are known by their `identifier` of this system; empty: by the id of the resource.
    """

    def __init__(self, system: str) -> None:
        self.system = system
        self.problems: list[str] = []
        self.resources: dict[str, Mapping[str, Any]] = {}
        self._by_url: dict[str, str] = {}
        self._bases: set[str] = set()
        self._links: list[tuple[str, str]] = []
        self._same = UnionFind()
        self._values: dict[str, set[str]] = {}

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
        values = {own} if not self.system else set(self._identifiers(content))
        self._values[own] = values
        self._same.union(("id", own), *(("value", value) for value in values))
        for link in content.get("link", []):
            other = self._local((link.get("other") or {}).get("reference"))
            if other is not None:
                self._links.append((own, other))

    def close(self) -> None:
        """Join patients whom links and identifiers make one, after the last resource."""
        known: dict[Any, set[str]] = {}
        for own, other in self._links:
            self._same.union(("id", own), ("id", other))
            if not self.system:  # a patient may be named without a resource of his
                self._values.setdefault(other, {other})
        for own, values in self._values.items():
            known.setdefault(self._same[("id", own)], set()).update(values)
        self._values = {own: known[self._same[("id", own)]] for own in self._values}

    def refuse_problems(self) -> None:
        """Raise one error of all that was found, after the last reference."""
        if len(self._bases) > 1:
            found = (
                f"references to {len(self._bases)} servers, whose ids may be of different patients"
            )
            self.problems.append(problem("FHIR files", found, "give the export of one server"))
        refuse_all(self.problems)

    def values_of(self, reference: Any, where: str) -> frozenset[str]:
        """Return every identifier of the patient whom a reference means; nobody is a problem, too.

        A logical reference by `identifier` counts where it is of the system.
        """
        if not isinstance(reference, Mapping):
            self.problems.append(problem(where, "it names no patient", DO_CORRECT))
            return frozenset()
        named = reference.get("reference")
        values: set[str] = set()
        if self.system and isinstance(logical := reference.get("identifier"), Mapping):
            values.update(self._identifiers({"identifier": [logical]}))
        if named is None:
            if not values:
                found = "a reference without a patient's identifier"
                self.problems.append(problem(where, found, DO_CORRECT))
            return frozenset(values)
        own = self._local(named)
        by_id = None if own is None else self._values.get(own, None if self.system else {own})
        if not by_id:
            found = "a reference to a patient who is not there, or has no identifier of the system"
            self.problems.append(problem(where, found, DO_GIVE))
            return frozenset()
        if not values <= by_id:
            found = "a reference and an identifier of two patients"
            self.problems.append(problem(where, found, DO_CORRECT))
            return frozenset()
        return frozenset(by_id)

    def _local(self, reference: Any) -> str | None:
        """Return the id of the Patient resource that a reference names."""
        if not isinstance(reference, str):
            return None
        match = LOCAL.fullmatch(reference)
        if match is None:
            return self._by_url.get(reference)
        if match["base"]:
            self._bases.add(match["base"])
        return match["id"]

    def _identifiers(self, content: Mapping[str, Any]) -> Iterable[str]:
        for identifier in content.get("identifier", []):
            value = identifier.get("value")
            if identifier.get("system") == self.system and isinstance(value, str) and value.strip():
                yield value.strip()
