"""Index terms: one row for each element of each profile."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .base_types import CORE, element_of, without_slices
from .definitions import Definitions, elements_of, identifier_of
from .search_parameters import NO, search_of, used_as
from .value_sets import Codes, codes_of

TRANSLATION = f"{CORE}translation"
UCUM = "http://unitsofmeasure.org"
QUANTITIES = ("Quantity", "Age", "Duration", "SimpleQuantity", "Range", "Ratio")
MOST_CODES = 20  # listed in a cell
INHERITED = ("max", "type", "binding", "short", "_short")
"""What an element says of its slices and choices, too; how often one is needed and supported it does not."""
COLUMNS = (
    "profile", "version", "kind", "element", "slice", "stated", "cardinality", "types", "must_support",
    "strength", "value_set", "n_codes", "codes", "more_codes", "fixed", "unit", "text", "german", "english",
    "selected_by", "used_as",
)  # fmt: skip


@dataclass(frozen=True)
class Term:
    """An element of a profile, as the table shows it, and the codes that it may have."""

    row: dict[str, Any]
    path: str
    codes: Codes
    fixed: tuple[str, str]
    """System and code that the profile fixes; empty texts where it does not."""


def terms_of(definitions: Definitions) -> list[Term]:
    """Return the terms of all profiles, in the order of the files and of their elements.

    Raises
    ------
    AvatarflowError
        For a value set that includes itself.
    """
    return [term for url in definitions.profiles for term in _Profile(url, definitions).terms()]


class _Profile:
    """One profile with what it inherits."""

    def __init__(self, url: str, definitions: Definitions) -> None:
        self.url, self.definitions = url, definitions
        self.profile = definitions.profiles[url]

    @cached_property
    def elements(self) -> dict[str, Mapping[str, Any]]:
        """Elements by id: those of the snapshot, else those of the base with the differential laid over."""
        own = {identifier_of(one): one for one in elements_of(self.profile)}
        base = str(self.profile.get("baseDefinition") or "").partition("|")[0]
        if self.profile.get("snapshot") or base not in self.definitions.profiles:
            return own
        merged = dict(_Profile(base, self.definitions).elements)
        for name, element in own.items():
            merged[name] = {**merged.get(name, {}), **element}
        return merged

    @cached_property
    def stated(self) -> frozenset[str]:
        """The ids of what the profile itself says."""
        differential = (self.profile.get("differential") or {}).get("element")
        return frozenset(map(identifier_of, differential or elements_of(self.profile)))

    def terms(self) -> Iterator[Term]:
        for name in self.elements:
            yield self._term(name)

    def said(self, name: str, key: str) -> Any:
        """Return what is said of an element: by itself, by what it is a slice of, or by FHIR."""
        element = self.elements.get(name, {})
        if key in element:
            return element[key]
        plain = without_slices(name)
        if key in INHERITED and key in self.elements.get(plain, {}):
            return self.elements[plain][key]
        if key == "min" and ":" in name.rpartition(".")[2]:
            return 0
        own = element_of(typed_path(name)) if self.profile["kind"] != "logical" else {}
        return own.get(key)

    def fixed(self, name: str) -> Any:
        """Return the value that an element is fixed to, or must hold; None where there is none."""
        for element in (self.elements.get(name, {}), self.elements.get(without_slices(name), {})):
            for key, value in element.items():
                if key.startswith(("fixed", "pattern")):
                    return value
        return None

    def coding(self, name: str) -> tuple[str, str]:
        """Return system and code that an element, or what lies below or beside it, is fixed to."""
        value = self.fixed(name)
        if isinstance(value, Mapping) and value.get("coding"):
            value = value["coding"][0] if len(value["coding"]) == 1 else {}
        known = value if isinstance(value, Mapping) else {}
        parent, _, last = name.rpartition(".")
        if last in ("system", "code", "value"):
            return self.coding(parent)
        parts = []
        for part in ("system", "code"):
            below = [self.fixed(f"{name}.{part}"), self.fixed(f"{name}.coding.{part}")]
            parts.append(known.get(part) or next((one for one in below if one), ""))
        return str(parts[0]), str(parts[1])

    def unit(self, name: str) -> str:
        """Return the unit of a quantity: a code of UCUM, or another one with its system."""
        value = self.fixed(name)
        value = value if isinstance(value, Mapping) else {}
        said = {
            part: value.get(part) or self.fixed(f"{name}.{part}")
            for part in ("system", "code", "unit")
        }
        if said["code"] and said["system"] in (None, UCUM):
            return str(said["code"]) if said["system"] else f"{said['code']} (no system)"
        return f"{said['system']}|{said['code']}" if said["code"] else str(said["unit"] or "")

    def _term(self, name: str) -> Term:
        types = self.said(name, "type") or []
        binding = self.said(name, "binding") or {}
        codes = (
            codes_of(binding["valueSet"], self.definitions) if binding.get("valueSet") else Codes()
        )
        listed = [f"{system}|{code}" for system, code in sorted(codes.listed)]
        shown = ", ".join(listed[:MOST_CODES])
        is_quantity = any(one.get("code") in QUANTITIES for one in types)
        path, fixed = typed_path(name), self.fixed(name)
        coding = self.coding(name)
        row = {
            "profile": self.url,
            "version": self.profile.get("version") or "",
            "kind": self.profile["type"],
            "element": without_slices(name),
            "slice": ", ".join(part.split(":", 1)[1] for part in name.split(".") if ":" in part),
            "stated": "yes" if name in self.stated else "base",
            "cardinality": f"{_or(self.said(name, 'min'), '?')}..{_or(self.said(name, 'max'), '?')}",
            "types": " | ".join(map(_type, types)),
            "must_support": "yes" if self.elements[name].get("mustSupport") else "no",
            "strength": binding.get("strength") or "",
            "value_set": binding.get("valueSet") or "",
            "n_codes": len(listed) if binding.get("valueSet") else "",
            "codes": f"{shown}, ..." if len(listed) > MOST_CODES else shown,
            "more_codes": "; ".join(
                [*codes.open, *(f"all of {one}" for one in sorted(codes.systems))]
            ),
            "fixed": _value(fixed),
            "unit": self.unit(name) if is_quantity else "",
            **self._texts(name),
            "selected_by": self._search(name, path, coding),
            "used_as": used_as(path) if self._is_selected() else "",
        }
        return Term(row, path, codes, coding)

    def _is_selected(self) -> bool:
        return bool(self.profile["kind"] == "resource")

    def _search(self, name: str, path: str, coding: tuple[str, str]) -> str:
        if self.profile["kind"] == "logical":
            return f"{NO}a logical model is on no server"
        if self.profile["kind"] != "resource":
            return f"{NO}a part of resources, not one"
        if self.said(name, "max") == "0":
            return f"{NO}the profile does not allow it"
        search = search_of(path, coding, self.fixed(name))
        if path.endswith("[x]") and search.startswith(NO):
            names = [str(one["code"]) for one in self.said(name, "type") or []]
            choices = [
                search_of(f"{path[:-3]}{one[0].upper()}{one[1:]}", ("", "")) for one in names
            ]
            able = dict.fromkeys(one for one in choices if not one.startswith(NO))
            return " or ".join(able) or search
        return search

    def _texts(self, name: str) -> dict[str, str]:
        """Return the short text, and its translations."""
        said: dict[str, str] = {}
        for extension in (self.said(name, "_short") or {}).get("extension") or []:
            if extension.get("url") == TRANSLATION:
                parts = {one.get("url"): one for one in extension.get("extension") or []}
                language = str((parts.get("lang") or {}).get("valueCode") or "")[:2]
                content = parts.get("content") or {}
                said[language] = content.get("valueString") or content.get("valueMarkdown") or ""
        text = str(self.said(name, "short") or "")
        own = str(self.profile.get("language") or "")[:2]
        return {
            "text": _line(text),
            "german": _line(said.get("de") or (text if own == "de" else "")),
            "english": _line(said.get("en") or (text if own == "en" else "")),
        }


def typed_path(name: str) -> str:
    """Return the path of an element, a sliced choice by the name of its type: `Condition.onsetDateTime`."""
    parts = []
    for part in name.split("."):
        own, _, slice_name = part.partition(":")
        stem = own.removesuffix("[x]")
        parts.append(slice_name if own != stem and slice_name.startswith(stem) else own)
    return ".".join(parts)


def _type(one: Mapping[str, Any]) -> str:
    """Return a type with the profiles and targets that it is limited to."""
    limits = [*(one.get("profile") or []), *(one.get("targetProfile") or [])]
    code = str(one.get("code") or "").removeprefix("http://hl7.org/fhirpath/System.")
    return f"{code}({', '.join(limit.removeprefix(CORE) for limit in limits)})" if limits else code


def _value(value: Any) -> str:
    """Return a fixed value as text: a coding as `system|code`."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        if value.get("coding"):
            return ", ".join(map(_value, value["coding"]))
        if "system" in value or "code" in value:
            return f"{value.get('system', '')}|{value.get('code', value.get('value', ''))}"
        return ", ".join(f"{name}={_value(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return str(value).lower() if isinstance(value, bool) else _line(str(value))


def _or(value: Any, other: str) -> Any:
    return other if value is None else value


def _line(text: str) -> str:
    """Return a text without what would break a row."""
    return " ".join(text.split())
