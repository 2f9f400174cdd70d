"""A small FHIR server of the tests' own: it answers searches page by page, and misbehaves where it is told to."""

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit


@dataclass
class Answer:
    """What is sent; `announced` bytes are promised, where it is not the length of the body, and `hold_s` waited."""

    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    announced: int | None = None
    hold_s: float = 0.0


class FhirServer(ThreadingHTTPServer):
    """The resources that it holds, what it was asked, and how it misbehaves."""

    daemon_threads = True

    def __init__(self, resources, base="/fhir"):
        super().__init__(("127.0.0.1", 0), Handler)
        self.resources = list(resources)
        self.base = base
        self.scheme = "http"
        self.version = "4.0.1"
        self.asked = []
        """Path and headers of each request."""
        self.queue = []
        """Answers that come first, in the place of true ones."""
        self.edit = lambda bundle, page: bundle
        """Changes the Bundle of a page, numbered from 1; may return an `Answer`."""

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}{self.base}"

    def answer(self, path):
        parts = urlsplit(path)
        kind = parts.path.removeprefix(f"{self.base}/")
        if kind == "metadata":
            said = {"resourceType": "CapabilityStatement", "fhirVersion": self.version}
        else:
            said = self.page(kind, parse_qs(parts.query))
        return said if isinstance(said, Answer) else Answer(body=json.dumps(said).encode())

    def page(self, kind, asked):
        size, first = int(asked["_count"][0]), int(asked.get("_first", ["0"])[0])
        held = [one for one in self.resources if one["resourceType"] == kind]
        links = [{"relation": "self", "url": f"{self.url}/{kind}"}]
        if first + size < len(held):
            further = f"{self.url}/{kind}?_count={size}&_first={first + size}"
            links.append({"relation": "next", "url": further})
        entries = [
            {
                "fullUrl": f"{self.url}/{kind}/{one['id']}",
                "resource": one,
                "search": {"mode": "match"},
            }
            for one in held[first : first + size]
        ]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(held)}
        return self.edit({**bundle, "link": links, "entry": entries}, first // size + 1)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, dict(self.headers)))
        answer = server.queue.pop(0) if server.queue else server.answer(self.path)
        self.send_response(answer.status)
        length = len(answer.body) if answer.announced is None else answer.announced
        for name, value in {"Content-Length": str(length), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        time.sleep(answer.hold_s)
        self.close_connection = answer.announced is not None or self.close_connection

    def log_message(self, *_):
        pass


@contextmanager
def serving(*resources, tls=None, **how):
    """Run a server of some resources in a thread."""
    server = FhirServer(resources, **how)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
