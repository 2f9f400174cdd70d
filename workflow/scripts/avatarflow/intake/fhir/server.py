"""A FHIR server as the config names it: where it is, what proves who asks, how much is asked of it.

Imported while Snakemake parses: standard library only.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urljoin, urlsplit

from avatarflow.core.errors import Problems, noting, refuse
from avatarflow.core.hosts import is_loopback
from avatarflow.core.secret_files import read_secret

PORTS = {"http": 80, "https": 443}
PRINTED = re.compile(r"[!-~]+", re.ASCII)
OWN_PARAMETERS = frozenset(("_count", "_format", "_summary", "_elements", "_total", "_pretty"))
"""Search parameters that change how a server answers, or leave parts of resources out."""
DO_FORM = "give it as https://host/path"


@dataclass(frozen=True)
class Server:
    """What is known of a server; its text does not hold the token."""

    name: str
    """As the config calls it: errors name it so, and not by its address."""
    url: str
    """Without a slash at the end."""
    token: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    page_size: int = 200
    timeout_s: float = 60.0
    retries: int = 5
    max_pages: int = 20_000
    max_resources: int = 1_000_000

    @property
    def where(self) -> str:
        """What errors call it."""
        return f"FHIR server {self.name}"

    def first_page(self, search: str) -> str:
        """Return the address of a search such as `Condition?code=http://snomed.info/sct|267718000`."""
        kind, _, asked = search.partition("?")
        asked = quote(asked, safe="%/:?=&,;@!$'()*+~-._")
        return f"{self.url}/{kind}?{asked}{'&' if asked else ''}_count={self.page_size}"

    def inside(self, page: str, link: str) -> str | None:
        """Return a link's address, or None where it leaves the server or what lies below its url.

        Parameters
        ----------
        page : str
            The address of the page that holds the link, which may be relative to it.
        link : str
        """
        try:
            address = urljoin(page, link)
            parts, own = urlsplit(address), urlsplit(self.url)
            is_same = _origin(parts) == _origin(own)
        except ValueError:
            return None
        path = unquote(parts.path)
        is_below = parts.path == own.path or parts.path.startswith(f"{own.path}/")
        is_plain = PRINTED.fullmatch(address) and "@" not in parts.netloc and "\\" not in path
        if not is_same or not is_below or not is_plain or {".", ".."} & set(path.split("/")):
            return None
        return address.partition("#")[0]


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)


def url_problem(url: str) -> tuple[str, str] | None:
    """Return what is wrong with the url of a server, and what to do, if anything is."""
    try:
        parts = urlsplit(url)
        _origin(parts)
    except ValueError:
        return "no url", DO_FORM
    if not PRINTED.fullmatch(url) or parts.scheme not in PORTS or not parts.hostname:
        return "no url of the form https://host/path", DO_FORM
    if "@" in parts.netloc:
        return "a user or a password in the url", "take it out, and name a token_file"
    if set("?#\\") & set(url) or {".", ".."} & set(unquote(parts.path).split("/")):
        return "a url with a query, a mark or dots", DO_FORM
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return "http, which is not encrypted", "use https"
    return None


def search_problem(search: str) -> str:
    """Return the parameter of a search that is not the user's to set; empty if there is none."""
    asked = parse_qsl(search.partition("?")[2], keep_blank_values=True)
    names = [name.partition(":")[0] for name, _ in asked]
    return next((name for name in names if name in OWN_PARAMETERS), "")


def read_server(name: str, settings: Mapping[str, Any]) -> Server:
    """Read the token and the certificates that a server of the config names; nothing is asked of it.

    Parameters
    ----------
    name : str
        Its name in the config.
    settings : mapping
        One entry of `fhir_servers`.

    Raises
    ------
    AvatarflowError
        One line per problem. No text holds a part of the token, a path or the address.
    """
    where, problems, tls, token = f"config fhir_servers.{name}", Problems(), None, ""
    with noting(problems):
        token = _token(settings["token_file"], f"{where}.token_file")
    if settings["url"].startswith("https:"):
        with noting(problems):
            tls = _tls(settings["ca_file"], f"{where}.ca_file")
    problems.raise_if_any()
    kept = ("page_size", "timeout_s", "retries", "max_pages", "max_resources")
    numbers = {key: settings[key] for key in kept}
    return Server(name, settings["url"].rstrip("/"), token, tls, **numbers)


def _token(path: str | None, where: str) -> str:
    if path is None:
        return ""
    token = read_secret(Path(path), where).decode("latin-1").strip()
    if not PRINTED.fullmatch(token):
        found = "empty, or more than one word of plain letters"
        raise refuse(where, found, "let the file hold the token and nothing else")
    return token


def _tls(path: str | None, where: str) -> ssl.SSLContext:
    """Return what the server's certificate is checked with; with a file, by what it holds alone."""
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ValueError):
        raise refuse(where, "no certificates in PEM", "name the file of the authority") from None
