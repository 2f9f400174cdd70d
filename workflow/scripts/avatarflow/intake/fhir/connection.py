"""Answers of a FHIR server as JSON: retried where that may help, and never larger than they may be.

Nothing of an answer or of an address is quoted in an error. Redirects are not followed, and proxies
of the environment are not used: they would see patients, or say who asks.
"""

import ssl
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

from avatarflow.core.errors import refuse

from .resources import json_object
from .server import Server

MOST_BYTES = 64 * 2**20  # of one answer, unpacked
PIECE = 64 * 2**10
LONGEST_WAIT_S = 120.0
MOST_TIMEOUTS = 10  # how many times `timeout_s` a whole answer may take
AGAIN = frozenset((429, 500, 502, 503, 504))
"""Statuses that a later try may not have."""
REFUSALS = {
    401: ("the token is missing, or not accepted", "renew the token file"),
    403: ("the token does not permit this", "ask for the right to read these resources"),
}
ZLIB_OF_GZIP = 31


class Connection:
    """One connection to a server, opened when it is needed.

    Parameters
    ----------
    server : Server
    sleep : function
        Waits so many seconds.
    """

    def __init__(self, server: Server, sleep: Callable[[float], None] = time.sleep) -> None:
        self.server = server
        self._sleep = sleep
        self._open: HTTPConnection | None = None
        self._headers = {"Accept": "application/fhir+json", "Accept-Encoding": "gzip"}
        if server.token:
            self._headers["Authorization"] = f"Bearer {server.token}"

    def close(self) -> None:
        """End the connection; the next question opens another one."""
        if self._open is not None:
            self._open.close()
        self._open = None

    def get(self, address: str, where: str) -> dict[str, Any]:
        """Return the JSON object at an address of the server.

        Raises
        ------
        AvatarflowError
            If the server does not answer with one, after all tries.
        """
        failed, tries = "", self.server.retries + 1
        for number in range(1, tries + 1):
            asked: float | None = None
            try:
                status, asked, body = self._exchange(address, where)
            except ssl.SSLCertVerificationError:
                found = "a certificate that is not trusted, or another host's"
                raise refuse(where, found, "check url and ca_file") from None
            except (OSError, HTTPException, UnicodeError) as error:
                self.close()
                failed = _in_words(error)
            else:
                if status not in AGAIN:
                    return self._object(status, body, where)
                failed = f"status {status}"
            if number < tries:
                self._sleep(wait_s(number, asked))
        raise refuse(where, f"{failed}, {tries} times", "look at the server, and start again")

    def _exchange(self, address: str, where: str) -> tuple[int, float | None, bytes]:
        """Ask once; return status, seconds that the server asks to wait, and the content of a success."""
        parts = urlsplit(address)
        if self._open is None:
            self._open = self._new(str(parts.hostname), parts.port)
        target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        self._open.request("GET", target, headers=self._headers)
        with self._open.getresponse() as answer:
            if answer.status == 200:
                return answer.status, None, self._body(answer, where)
            self.close()  # what else it says is not read
            return answer.status, _seconds(answer.headers.get("Retry-After")), b""

    def _new(self, host: str, port: int | None) -> HTTPConnection:
        if self.server.tls is None:
            return HTTPConnection(host, port, timeout=self.server.timeout_s)
        return HTTPSConnection(host, port, timeout=self.server.timeout_s, context=self.server.tls)

    def _body(self, answer: HTTPResponse, where: str) -> bytes:
        """Read an answer to its end, piece by piece, so that neither it nor what it unpacks to is too large."""
        packed = answer.headers.get("Content-Encoding", "identity").strip().lower()
        if packed not in ("identity", "gzip"):
            raise refuse(where, "an answer in another compression than gzip", "correct the server")
        unpack = zlib.decompressobj(ZLIB_OF_GZIP) if packed == "gzip" else None
        body, ends = bytearray(), time.monotonic() + MOST_TIMEOUTS * self.server.timeout_s
        while piece := answer.read(PIECE):
            if time.monotonic() > ends:
                raise TimeoutError
            body += _unpacked(unpack, piece, MOST_BYTES + 1 - len(body), where) if unpack else piece
            if len(body) > MOST_BYTES:
                found = f"an answer of more than {MOST_BYTES // 2**20} MiB"
                raise refuse(where, found, "set a smaller page_size")
        if answer.length or (unpack and not unpack.eof):
            raise IncompleteRead(b"")
        return bytes(body)

    def _object(self, status: int, body: bytes, where: str) -> dict[str, Any]:
        if 300 <= status < 400:
            found = f"status {status}, a redirect, which is not followed"
            raise refuse(where, found, "give the url that it leads to")
        if status != 200:
            found, do = REFUSALS.get(status, ("it has no answer", "check url and search"))
            raise refuse(where, f"status {status}, {found}", do)
        if (content := json_object(body)) is None:
            found = "an answer that is no JSON object, damaged, or cut off"
            raise refuse(where, found, "check that url is the address of the FHIR interface")
        return content


def wait_s(number: int, asked: float | None) -> float:
    """Return how long to wait before the next try: as the server asks, else 1, 2, 4 and so on; at most two minutes.

    Parameters
    ----------
    number : int
        Of the try that failed, from 1.
    asked : float or None
        `Retry-After` in seconds.
    """
    return min(2.0 ** (number - 1) if asked is None else max(asked, 0.0), LONGEST_WAIT_S)


def _unpacked(unpack: Any, piece: bytes, most: int, where: str) -> bytes:
    """Return what a piece of gzip unpacks to, up to so many bytes."""
    try:
        content: bytes = unpack.decompress(piece, most)
    except zlib.error:
        raise refuse(where, "a damaged gzip", "look at the server, and start again") from None
    if unpack.unused_data:
        raise refuse(where, "something behind a gzip", "correct the server")
    return content


def _seconds(text: str | None) -> float | None:
    """Return what `Retry-After` asks for (RFC 9110, 10.2.3): seconds, or a date."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None


def _in_words(error: Exception) -> str:
    """Say why there is no answer, without the text of the error, which may hold an address."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    if isinstance(error, ssl.SSLError):
        return "no TLS connection"
    if isinstance(error, HTTPException | ConnectionError):
        return "an answer that broke off, or is none of HTTP"
    return "no connection"
