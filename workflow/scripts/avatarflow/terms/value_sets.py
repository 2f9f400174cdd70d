"""The codes that a value set holds, as far as the folder lists them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from avatarflow.core.errors import refuse

from .definitions import CODE_SYSTEM, VALUE_SET, Definitions

Code = tuple[str, str]


@dataclass(frozen=True)
class Codes:
    """What is known of a value set's content."""

    listed: frozenset[Code] = frozenset()
    """System and code."""
    systems: frozenset[str] = frozenset()
    """Systems of which all codes belong to it, though they are not listed in the folder."""
    open: tuple[str, ...] = ()
    """Why more codes may belong to it: empty where all are known."""

    def holds(self, system: str, code: str) -> bool:
        """Whether a code belongs to it for certain."""
        return (system, code) in self.listed or system in self.systems


def codes_of(canonical: str, definitions: Definitions, above: tuple[str, ...] = ()) -> Codes:
    """Return the codes of a value set by its canonical url, those of value sets inside it too.

    Raises
    ------
    AvatarflowError
        If it includes itself.
    """
    url, _, version = canonical.partition("|")
    value_set = definitions.by_kind[VALUE_SET].get(url)
    if url in above:
        raise refuse(definitions.where[url], "a value set that includes itself", "correct it")
    if value_set is None:
        return Codes(open=("not in the folder",))
    notes = set()
    if version and value_set.get("version") not in (None, version):
        notes.add(f"asked for version {version}, the folder has another")
    if (value_set.get("expansion") or {}).get("contains"):
        expanded = frozenset(_concepts(value_set["expansion"]["contains"], "contains"))
        return Codes(expanded, open=tuple(sorted(notes)))
    listed: set[Code] = set()
    systems: set[str] = set()
    compose = value_set.get("compose") or {}
    for part in compose.get("include") or []:
        found = _of_part(part, definitions, (*above, url))
        listed |= found.listed
        systems |= found.systems
        notes.update(found.open)
    for part in compose.get("exclude") or []:
        found = _of_part(part, definitions, (*above, url))
        listed -= found.listed
        if found.systems or found.open:
            notes.add("leaves out codes that the folder does not list")
            systems.clear()
    if not compose.get("include"):
        notes.add("says nothing of its codes")
    return Codes(frozenset(listed), frozenset(systems), tuple(sorted(notes)))


def _of_part(part: Mapping[str, Any], definitions: Definitions, above: tuple[str, ...]) -> Codes:
    """Return the codes of one `include` or `exclude`."""
    system = str(part.get("system") or "")
    inner = [codes_of(one, definitions, above) for one in part.get("valueSet") or []]
    if inner and not system and len(inner) == 1:
        return inner[0]
    if inner:
        return Codes(open=("an intersection of value sets",))
    if part.get("filter"):
        rules = [f"{one['property']} {one['op']} {one['value']}" for one in part["filter"]]
        return Codes(open=(f"{system} where {' and '.join(rules)}",))
    if part.get("concept"):
        return Codes(frozenset((system, one["code"]) for one in part["concept"]))
    code_system = definitions.by_kind[CODE_SYSTEM].get(system) or {}
    if code_system.get("content") == "complete" and code_system.get("concept"):
        return Codes(
            frozenset((system, code) for _, code in _concepts(code_system["concept"], "concept"))
        )
    return Codes(systems=frozenset({system}))


def _concepts(concepts: list[Any], below: str) -> Iterator[Code]:
    """Yield system (empty inside a CodeSystem) and code of concepts, those below others too."""
    for concept in concepts:
        if concept.get("code") and not concept.get("abstract"):
            yield str(concept.get("system") or ""), str(concept["code"])
        yield from _concepts(concept.get(below) or [], below)
