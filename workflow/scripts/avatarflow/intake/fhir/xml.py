"""FHIR as XML: read by `fhir.resources`, and refused where what it read is not all that the file says.

Its reader takes the first or last of two values where one is allowed, and values of another
namespace; a file with both a permit and a deny would then count as one of them.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from lxml import etree

from avatarflow.core.errors import refuse

from .models import KINDS, model

FHIR = "{http://hl7.org/fhir}"
DO_EXPORT = "export it again, or as JSON"
TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)$")
GROUP = "(group)"
BUNDLE = frozenset(
    ("id", "meta", "implicitRules", "language", "identifier", "type", "timestamp", "total", "link",
     "entry", "signature")
)  # fmt: skip
ENTRY = frozenset(("id", "extension", "modifierExtension", "link", "fullUrl", "resource", "search",
                   "request", "response"))  # fmt: skip
"""What may stand in a Bundle and in its entries, FHIR R4."""
Fact = tuple[str, str]


def resources_of_xml(content: bytes, where: str, kinds: Sequence[str] = KINDS) -> dict[str, Any]:
    """Return a resource, or a Bundle with its entries, as JSON would say it.

    Resources of other kinds than `kinds` are kept by their kind alone.

    Raises
    ------
    AvatarflowError
        If the XML is damaged, has a document type, elements of another namespace or twice what may
        stand once.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise refuse(where, "damaged XML", DO_EXPORT) from None
    if root.getroottree().docinfo.doctype:
        raise refuse(where, "XML with a document type", DO_EXPORT)
    _drop_narratives(root)
    if any(not str(part.tag).startswith(FHIR) for part in root.iter()):
        raise refuse(where, "elements that are not of FHIR", DO_EXPORT)
    if root.tag == f"{FHIR}Bundle":
        return _bundle(root, where, kinds)
    return _resource(root, where, kinds)


def _drop_narratives(root: Any) -> None:
    """Take out the texts for readers, which are XHTML."""
    for text in list(root.iter(f"{FHIR}text")):
        if any(not str(part.tag).startswith(FHIR) for part in text):
            text.getparent().remove(text)


def _bundle(root: Any, where: str, kinds: Sequence[str]) -> dict[str, Any]:
    """Return what is looked at of a Bundle."""
    entries = []
    for number, entry in enumerate(root.findall(f"{FHIR}entry"), start=1):
        here = f"{where}, entry {number}"
        _check_children(entry, ENTRY, here)
        found: dict[str, Any] = {"fullUrl": _value(entry, "fullUrl", here)}
        for part, name in (("request", "method"), ("search", "mode")):
            if (value := _value(entry, f"{part}/{FHIR}{name}", here)) is not None:
                found[part] = {name: value}
        inside = [part for holder in entry.findall(f"{FHIR}resource") for part in holder]
        if len(inside) > 1:
            raise refuse(here, "more than one resource", DO_EXPORT)
        entries.append(found | ({"resource": _resource(inside[0], here, kinds)} if inside else {}))
    relations = [
        {name: _value(link, name, where) for name in ("relation", "url")}
        for link in root.findall(f"{FHIR}link")
    ]
    _check_children(root, BUNDLE, where)
    total = _value(root, "total", where)
    bundle = {"resourceType": "Bundle", "type": _value(root, "type", where), "entry": entries}
    whole = int(total) if total is not None and total.isdecimal() else total
    return bundle | {"link": relations, "total": whole}


def _check_children(parent: Any, known: frozenset[str], where: str) -> None:
    """Refuse what is not looked at: it may be a resource."""
    if any(str(part.tag).removeprefix(FHIR) not in known for part in parent):
        raise refuse(where, "elements that a Bundle of FHIR R4 has not", DO_EXPORT)


def _value(parent: Any, name: str, where: str) -> str | None:
    values = [part.get("value") for part in parent.findall(f"{FHIR}{name}")]
    if len(values) > 1:
        raise refuse(where, "twice what may stand once", DO_EXPORT)
    return values[0] if values else None


def _resource(root: Any, where: str, kinds: Sequence[str]) -> dict[str, Any]:
    kind = str(root.tag).removeprefix(FHIR)
    if any(str(part.tag).removeprefix(FHIR) in kinds for part in root.iter() if part is not root):
        raise refuse(where, "a resource inside another one", "export each resource by itself")
    if kind not in kinds:
        return {"resourceType": kind}
    try:
        read = model(kind).model_validate_xml(etree.tostring(root))
        plain: dict[str, Any] = json.loads(read.model_dump_json())
    except Exception:  # hostile content may raise anything, and the text may quote it
        raise refuse(where, f"a {kind} that does not fit FHIR R4", DO_EXPORT) from None
    _give_back_ids(root, plain)
    said = {name: value for name, value in plain.items() if name != "resourceType"}
    if sorted(_of_xml(root, "")) != sorted(_of_json(said, "")):
        found = f"a {kind} that says one thing twice, or has elements that FHIR R4 has not"
        raise refuse(where, found, DO_EXPORT)
    return plain


def _give_back_ids(root: Any, plain: dict[str, Any]) -> None:
    """Add the ids of a profile's elements, which the reader of XML loses."""
    for part in ("snapshot", "differential"):
        elements = root.findall(f"{FHIR}{part}/{FHIR}element")
        for element, read in zip(elements, plain.get(part, {}).get("element", []), strict=False):
            if element.get("id") is not None:
                read["id"] = element.get("id")


def _of_xml(part: Any, path: str) -> Iterator[Fact]:
    """Yield what an element and all inside it say, by path; an element without content is a fact, too."""
    if (part.text or "").strip() or any((child.tail or "").strip() for child in part):
        yield path, "text"
    for name, value in part.attrib.items():
        yield (path if name == "value" else f"{path}/{name}"), _alike(str(value))
    if "value" not in part.attrib:
        yield path, GROUP
    for child in part:
        yield from _of_xml(child, f"{path}/{str(child.tag).removeprefix(FHIR)}")


def _of_json(value: Any, path: str) -> Iterator[Fact]:
    """Yield the same of a resource as JSON."""
    if isinstance(value, dict):
        yield path, GROUP
        for name, part in value.items():
            for one in part if isinstance(part, list) else [part]:
                if name.startswith(
                    "_"
                ):  # extensions of a text or number, which may itself be missing
                    facts = _of_json(one, f"{path}/{name[1:]}") if one else iter(())
                    yield from facts if name[1:] not in value else islice(facts, 1, None)
                else:
                    yield from _of_json(one, f"{path}/{name}")
    else:
        yield path, _alike(json.dumps(value) if isinstance(value, bool) else str(value))


def _alike(value: str) -> str:
    """Make one of the ways to write a time, which the reader changes."""
    return "a time" if TIME.match(value) else value
