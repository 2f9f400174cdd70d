"""Read the resources of FHIR files one by one; nothing that cannot be read is left out without a word."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avatarflow.core.errors import AvatarflowError, refuse

from .models import KINDS, check, is_kind
from .xml import resources_of_xml

MOST_BYTES = 512 * 2**20  # of one document; NDJSON is read line by line and may be longer
MOST_LINE = 16 * 2**20  # bytes of one line of NDJSON
COMPLETE = ("collection", "searchset", "batch", "transaction")
ADDED = ("PUT", "POST")
TEXT_ONLY = ("start", "end", "dateTime", "lastUpdated", "birthDate", "code", "system", "status")
DO_EXPORT = "export it again"


@dataclass(frozen=True)
class Resource:
    """One resource as plain values."""

    kind: str
    where: str
    """File, kind and number, as errors cite it: never an identifier."""
    content: Mapping[str, Any]
    problem: str = ""
    """Why it does not fit FHIR R4; empty where it does."""
    full_url: str = ""
    """Its name inside a Bundle, to which other entries may refer."""


def read_resources(
    paths: Sequence[str], kinds: Sequence[str], what: str, first: int = 1
) -> Iterator[Resource]:
    """Yield every resource of some kinds, and those that are of no kind at all, in the order of the files.

    Parameters
    ----------
    paths : list of str
        Files; their content tells whether they are JSON, NDJSON or XML.
    kinds : list of str
        Kinds that are checked against FHIR R4 and yielded; resources of other kinds are passed over.
    what : str
        What the files are called in errors, such as `consent file`; their number follows.
    first : int
        Number of the first file.

    Raises
    ------
    AvatarflowError
        For a file that cannot be read to its end, and for a Bundle that is not complete or deletes
        something: what is missing may be a refusal.
    """
    known = tuple(dict.fromkeys((*KINDS, *kinds)))
    for place, path in enumerate(paths, start=first):
        file, numbers = f"{what} {place}", dict.fromkeys(kinds, 0)
        for where, full_url, content in _entries(Path(path), file, known):
            kind = content.get("resourceType")
            if not isinstance(kind, str) or not is_kind(kind, known):
                raise refuse(where, "a resource of no kind that FHIR R4 has", DO_EXPORT)
            if _holds(content, kinds):
                found = "a resource inside another one"
                raise refuse(where, found, "export each resource by itself")
            if kind in kinds:
                numbers[kind] += 1
                here = f"{file}, {kind} {numbers[kind]}"
                yield Resource(kind, here, content, check(kind, content), full_url)


def _holds(value: Any, kinds: Sequence[str]) -> bool:
    """Whether a resource of one of the kinds lies somewhere inside a value."""
    todo = [value]
    while todo:  # a hostile file may nest deeper than Python calls
        one = todo.pop()
        for part in one.values() if isinstance(one, dict) else one:
            if isinstance(part, dict) and part.get("resourceType") in kinds:
                return True
            if isinstance(part, dict | list):
                todo.append(part)
    return False


def _entries(
    path: Path, file: str, kinds: Sequence[str]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield place, full URL and content of every resource of a file, those inside Bundles too."""
    for where, content in _documents(path, file, kinds):
        if content.get("resourceType") == "Bundle":
            yield from _of_bundle(content, where)
        else:
            yield where, "", content


def _documents(path: Path, file: str, kinds: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the documents of a file: one of JSON or XML, or one for each line of NDJSON."""
    try:
        with path.open("rb") as stream:
            first = stream.readline(MOST_LINE).removeprefix(b"\xef\xbb\xbf")
            while first.isspace():
                first = stream.readline(MOST_LINE)
            if not first:
                raise refuse(file, "it is empty", DO_EXPORT)
            if first.lstrip().startswith(b"<"):
                yield file, resources_of_xml(_whole(path, file), file, kinds)
            elif (start := json_object(first)) is not None:
                yield f"{file}, line 1", start
                yield from _lines(stream, file)
            else:
                whole = json_object(_whole(path, file).removeprefix(b"\xef\xbb\xbf"))
                if whole is None:
                    raise refuse(file, "neither JSON, NDJSON nor XML, or damaged", DO_EXPORT)
                yield file, whole
    except OSError:
        raise refuse(file, "it cannot be read", "check its path and its rights") from None


def _lines(stream: Any, file: str) -> Iterator[tuple[str, dict[str, Any]]]:
    number = 1
    while line := stream.readline(MOST_LINE):
        number += 1
        if line.isspace():
            continue
        content = json_object(line)
        if content is None:
            found = "no JSON object, damaged, or cut off"
            raise refuse(f"{file}, line {number}", found, DO_EXPORT)
        yield f"{file}, line {number}", content


def _whole(path: Path, file: str) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise refuse(file, f"more than {MOST_BYTES // 2**20} MiB", "export it as NDJSON")
    return path.read_bytes()


def json_object(text: bytes) -> dict[str, Any] | None:
    """Parse one JSON object; None where it is none, or says one thing twice."""
    try:
        content = json.loads(
            text.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; a key that stands twice, or a date that is a number, makes it none."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key twice")
    for name in TEXT_ONLY:
        if isinstance(content.get(name), int | float):
            raise ValueError("a number instead of a text")
    return content


def _no_constant(_: str) -> float:
    raise ValueError("not a number")


def _of_bundle(bundle: dict[str, Any], where: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the resources of a Bundle that holds all that it promises."""
    entries = bundle.get("entry", [])
    if bundle.get("type") not in COMPLETE:
        raise refuse(where, "a Bundle of a type that is not read", f"give {', '.join(COMPLETE)}")
    links = bundle.get("link", [])
    if not isinstance(entries, list) or not isinstance(links, list):
        raise refuse(where, "a Bundle that does not fit FHIR R4", DO_EXPORT)
    if _is_page(links):
        raise refuse(
            where, "a Bundle with a further page", "give all pages, each without its links"
        )
    matches = 0
    for number, entry in enumerate(entries, start=1):
        here = f"{where}, entry {number}"
        content, full_url, is_match = _of_entry(entry, here)
        matches += is_match
        yield here, full_url, content
    total = bundle.get("total")
    if total is not None and (type(total) is not int or total > matches):
        raise refuse(where, "a Bundle that holds less than its total", "give all pages")


def _is_page(links: list[Any]) -> bool:
    """Whether the links of a Bundle name another page of it, or a link says nothing of itself."""
    named: dict[str, Any] = {}
    for link in links:
        relation = link.get("relation") if isinstance(link, dict) else None
        if relation is None:
            return True
        named[str(relation).strip().lower()] = link.get("url")
    ends = {named[name] for name in ("self", "first", "last") if name in named}
    return bool({"next", "prev", "previous"} & set(named)) or len(ends) > 1


def _of_entry(entry: Any, where: str) -> tuple[dict[str, Any], str, bool]:
    """Return an entry's resource, its full URL, and whether it counts towards the Bundle's total."""
    content = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(content, dict):
        raise refuse(where, "an entry without a resource", "leave it out, or export it again")
    request, search = entry.get("request") or {}, entry.get("search") or {}
    if not isinstance(request, dict) or request.get("method", "PUT") not in ADDED:
        raise refuse(where, "an entry that adds nothing", "export the state as it is now")
    if content.get("resourceType") in ("Bundle", "OperationOutcome"):
        found = "a Bundle or an OperationOutcome inside a Bundle"
        raise refuse(where, found, "look what the server says, and export it again")
    mode = search.get("mode", "match") if isinstance(search, dict) else "match"
    return content, str(entry.get("fullUrl") or ""), mode == "match"


def refuse_all(problems: Sequence[str]) -> None:
    """Raise one error of all problems, if there are any."""
    if problems:
        raise AvatarflowError("\n".join(problems))
