"""The least browser that a reader study needs: cookies, redirects, forms. For machine readers, and for tests."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPMessage
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener


@dataclass
class Page:
    """What a page shows and asks: pictures, and the choices of each field of its forms."""

    status: int
    address: str
    headers: HTTPMessage
    content: bytes
    language: str = ""
    pictures: list[str] = field(default_factory=list)
    hidden: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The page as text."""
        return self.content.decode()


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what matters of an element."""
        named = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.page.language = named.get("lang", "")
        elif tag == "img":
            self.page.pictures.append(named["src"])
        elif tag == "input" and named.get("type") == "hidden":
            self.page.hidden[named["name"]] = named["value"]
        elif tag == "input" and named.get("type") == "radio":
            self.page.choices.setdefault(named["name"], []).append(named["value"])


class Browser:
    """One window with its own cookies; it goes to this machine only, past any proxy."""

    def __init__(self, address: str) -> None:
        self.address, self.cookies = address, CookieJar()
        self._opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> Page:
        """Return a page."""
        return self._open(path)

    def post(self, path: str, **fields: str) -> Page:
        """Send a form, and return the page that follows."""
        return self._open(path, urlencode(fields).encode())

    def _open(self, path: str, body: bytes | None = None) -> Page:
        answer: Any
        try:
            answer = self._opener.open(self.address + path, body, timeout=60)
        except HTTPError as error:  # a page of its own
            answer = error
        with answer:
            page = Page(answer.status, answer.url, answer.headers, answer.read())
        if "html" in page.headers.get("Content-Type", ""):
            _Reader(page).feed(page.text)
        return page
