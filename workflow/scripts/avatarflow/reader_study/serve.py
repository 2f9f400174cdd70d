"""Serving an application on this machine: until a signal, or beside other work."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from fastapi import FastAPI

from avatarflow.core.errors import refuse

HOST = "127.0.0.1"
START_S = 30


def _server(app: FastAPI) -> uvicorn.Server:
    # no access log: it would say which pictures were asked for, and when
    settings = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, date_header=False
    )
    return uvicorn.Server(settings)


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError):
        listener.close()
        raise refuse("reader study PORT", f"{port} is not free", "give another one") from None
    return listener


def serve(app: FastAPI, port: int) -> None:
    """Serve until the process is told to stop.

    Raises
    ------
    AvatarflowError
        If the port is not free.
    """
    # uvicorn ends in order on Ctrl+C, and then raises the signal again
    with _listening(port) as listener, suppress(KeyboardInterrupt):
        _server(app).run(sockets=[listener])


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve on a free port for a `with` block, and give the address."""
    with _listening(0) as listener:
        server = _server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until = time.monotonic() + START_S
        while not server.started:
            if time.monotonic() > until or not thread.is_alive():
                raise refuse("reader study", "the server does not start", "look at the lines above")
            time.sleep(0.01)
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
