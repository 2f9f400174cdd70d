"""The pages of a search on a FHIR server, refused where a resource is missing or more than was asked for.

Errors name server, search, page and entry by their numbers: never a resource, and never an address.
"""

import re
from array import array
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np

from avatarflow.core.errors import refuse

from .connection import Connection

VERSION = re.compile(r"4\.0\.\d+", re.ASCII)
MILD = frozenset(("information", "warning"))
PARTIAL = ("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "SUBSETTED")
DO_SERVER = "look at the server, and start again"
DO_AGAIN = "the data changed while they were read: start again"


def check_version(connection: Connection) -> None:
    """Refuse a server that does not say that it speaks FHIR R4."""
    server = connection.server
    said = connection.get(f"{server.url}/metadata", f"{server.where}, metadata")
    if said.get("resourceType") != "CapabilityStatement":
        found = "no CapabilityStatement"
        do = "check that url is the address of the FHIR interface"
        raise refuse(f"{server.where}, metadata", found, do)
    if not isinstance(said.get("fhirVersion"), str) or not VERSION.fullmatch(said["fhirVersion"]):
        found = "a version of FHIR other than 4.0"
        raise refuse(f"{server.where}, metadata", found, "give the url of its interface for R4")


class Search:
    """One search, which is read once, to its end.

    Parameters
    ----------
    connection : Connection
    search : str
        Kind of resource and parameters.
    number : int
        Its place in the config, for errors.
    """

    def __init__(self, connection: Connection, search: str, number: int) -> None:
        self.connection = connection
        self.kind = search.partition("?")[0]
        self.where = f"{connection.server.where}, search {number} ({self.kind})"
        self.n_resources = 0
        self.n_warnings = 0
        """How often the server has said that something is odd."""
        self._first = connection.server.first_page(search)
        self._total: int | None = None
        self._pages: set[bytes] = set()
        self._matches = array("Q")
        """A number for each match, made of its id: eight bytes are all that is kept of it."""

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield `resource`, and its `fullUrl` where it has one, of what the search finds and what goes with it.

        Raises
        ------
        AvatarflowError
            If a page cannot be had, read or followed, or holds what it must not; and at the end, if
            something is missing, stands twice, or nothing was found.
        """
        server, address = self.connection.server, self._first
        number = 0
        while address:
            number += 1
            where = f"{self.where}, page {number}"
            if number > server.max_pages:
                do = "raise max_pages or page_size, or narrow the search"
                raise refuse(where, f"more than {server.max_pages} pages", do)
            page = self.connection.get(address, where)
            for place, entry in enumerate(self._entries(page, where), start=1):
                if kept := self._checked(entry, f"{where}, entry {place}"):
                    self.n_resources += 1
                    if self.n_resources > server.max_resources:
                        do = "raise max_resources, or narrow the search"
                        raise refuse(where, f"more than {server.max_resources} resources", do)
                    yield kept
            address = self._next(page, address, where)
        self._check_end()

    def _entries(self, page: dict[str, Any], where: str) -> list[Any]:
        """Return the entries of a page, and note its total."""
        if page.get("resourceType") != "Bundle" or page.get("type") != "searchset":
            found = "no Bundle of type searchset"
            raise refuse(where, found, "check that url is the address of the FHIR interface")
        entries, total = page.get("entry", []), page.get("total")
        if not isinstance(entries, list) or not isinstance(page.get("link", []), list):
            raise refuse(where, "a Bundle that does not fit FHIR R4", DO_SERVER)
        if total is not None and (type(total) is not int or total < 0):
            raise refuse(where, "a total that is no number", DO_SERVER)
        if total is not None and self._total not in (None, total):
            raise refuse(where, "another total than on a page before", DO_AGAIN)
        self._total = self._total if total is None else total
        return entries

    def _checked(self, entry: Any, where: str) -> dict[str, Any] | None:
        """Return an entry without what belongs to the search; None for what the server says beside."""
        content = entry.get("resource") if isinstance(entry, dict) else None
        search = entry.get("search", {}) if isinstance(entry, dict) else None
        if not isinstance(content, dict) or not isinstance(search, dict):
            raise refuse(where, "an entry without a resource", DO_SERVER)
        kind, mode = content.get("resourceType"), search.get("mode", "match")
        if mode == "outcome" or kind == "OperationOutcome":
            self._note(content, where)
            return None
        if mode not in ("match", "include"):
            raise refuse(where, "a search mode that FHIR R4 does not have", DO_SERVER)
        if mode == "match":
            self._count(content, where)
        if _is_partial(content):
            found = "a resource of which parts are left out"
            raise refuse(where, found, "let the server give whole resources")
        full_url = entry.get("fullUrl")
        named = {"fullUrl": full_url} if isinstance(full_url, str) else {}
        return {**named, "resource": content}

    def _note(self, outcome: dict[str, Any], where: str) -> None:
        issues = outcome.get("issue")
        issues = issues if isinstance(issues, list) else []
        named = {str(one.get("severity")) if isinstance(one, dict) else "" for one in issues}
        if outcome.get("resourceType") != "OperationOutcome" or not named or not named <= MILD:
            raise refuse(where, "the server reports an error", DO_SERVER)
        self.n_warnings += 1

    def _count(self, content: dict[str, Any], where: str) -> None:
        if content.get("resourceType") != self.kind:
            raise refuse(where, "a resource of another kind than was asked for", DO_SERVER)
        if not isinstance(content.get("id"), str):
            raise refuse(where, "a resource without an id", DO_SERVER)
        digest = blake2b(content["id"].encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self._matches.append(int.from_bytes(digest, "big"))
        if self._total is not None and len(self._matches) > self._total:
            found = f"{len(self._matches)} resources, and a total of {self._total}"
            raise refuse(where, found, DO_AGAIN)

    def _next(self, page: dict[str, Any], address: str, where: str) -> str:
        """Return the address of the next page; empty on the last one."""
        links = []
        for link in page.get("link", []):
            relation = link.get("relation") if isinstance(link, dict) else None
            if not isinstance(relation, str) or not isinstance(link.get("url"), str):
                raise refuse(where, "a link that does not fit FHIR R4", DO_SERVER)
            links += [link["url"]] if relation.strip().lower() == "next" else []
        if not links:
            return ""
        following = self.connection.server.inside(address, links[0])
        if len(links) > 1 or following is None:
            found = "a next page on another server, above the url of this one, or in several places"
            raise refuse(where, found, "give the url that the server itself calls its own")
        self._pages.add(_short(address))
        if _short(following) in self._pages:
            raise refuse(where, "a next page that was read before", DO_SERVER)
        return following

    def _check_end(self) -> None:
        """Refuse a search that found nothing, or in which something is missing."""
        found = len(self._matches)
        if not found:
            do = "check the search and what the token permits, or take the search out"
            raise refuse(self.where, "it found nothing", do)
        if self._total is not None and found < self._total:
            text = f"{found} resources, and a total of {self._total}"
            raise refuse(self.where, text, "see what the token permits, and start again")
        if np.unique(np.frombuffer(self._matches, np.uint64)).size < found:
            raise refuse(self.where, "a resource on two pages", DO_AGAIN)


def _short(address: str) -> bytes:
    return blake2b(address.encode(), digest_size=8).digest()


def _is_partial(content: dict[str, Any]) -> bool:
    """Whether the server marks a resource as one of which it gives parts only."""
    meta = content.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return any(
        isinstance(tag, dict) and (tag.get("system"), tag.get("code")) == PARTIAL
        for tag in (tags if isinstance(tags, list) else [])
    )
