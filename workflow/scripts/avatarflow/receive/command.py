"""`make receive FOLDER=...` receives DICOM into a folder until it is told to stop."""

import argparse
import logging
import signal
import threading
import warnings
from collections.abc import Sequence
from types import FrameType

from avatarflow.core.errors import command, refuse, start
from avatarflow.core.hosts import is_loopback

from .inbox import Bounds, Inbox
from .service import Address, Service

log = logging.getLogger(__name__)
POLL_S = 0.2
MIB = 2**20


class Signals:
    """Counts the signals that ask to stop: the first lets associations end, the second breaks them off."""

    def __init__(self) -> None:
        self.first, self.second = threading.Event(), threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, _: int, __: FrameType | None) -> None:
        (self.second if self.first.is_set() else self.first).set()


@command
def main(arguments: Sequence[str]) -> None:
    """Receive until a signal comes; the exit status is 2 where the service cannot be started."""
    options = _parser().parse_args(arguments)
    for library in ("pynetdicom", "pydicom"):  # their lines and warnings hold UIDs and titles
        logging.getLogger(library).propagate = False
    warnings.simplefilter("ignore")
    bounds = Bounds(
        _positive("MAX_MB", options.max_mb) * MIB,
        _positive("MAX_FILES", options.max_files),
        _positive("MIN_FREE_MB", options.min_free_mb) * MIB,
    )
    allowed = options.allow.split()
    address = Address(options.host, options.port, options.ae_title, allowed)
    inbox = Inbox(options.folder, bounds)
    service = Service(inbox, address)
    signals = Signals()
    log.info("%s receives on %s, port %d", address.ae_title, address.host, service.port)
    for line in _warnings(address, inbox):
        log.warning("warning: %s", line)
    _serve(service, signals)
    inbox.close()
    log.info("stopped; nothing is half-written")


def _serve(service: Service, signals: Signals) -> None:
    """Wait for a signal, then for the associations that run, or for a second signal."""
    while not signals.first.wait(POLL_S):
        pass
    service.stop()
    if service.is_busy:
        log.info("waits for running associations; a second signal breaks them off")
    while service.is_busy and not signals.second.wait(POLL_S):
        pass
    service.abort()
    service.wait()


def _warnings(address: Address, inbox: Inbox) -> list[str]:
    """Return what should be looked at before patients' pictures are sent."""
    lines = []
    if not is_loopback(address.host):
        lines.append("DICOM is not encrypted; whoever is in this network can read what is sent")
        if not address.allowed:
            lines.append("every AE title may send; name those that may with ALLOW")
    if inbox.is_open_to_others:
        lines.append("other users of this machine may list the folder; take their rights away")
    return lines


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise refuse(f"receive {name}", f"found {value}", "give a whole number from 1")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="avatarflow.receive.command", description=__doc__)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--host", default=Address.host)
    parser.add_argument("--port", type=int, default=Address.port)
    parser.add_argument("--ae-title", default=Address.ae_title)
    parser.add_argument("--allow", default="", help="AE titles that may call, parted by blanks")
    parser.add_argument("--max-mb", type=int, default=Bounds.max_bytes // MIB)
    parser.add_argument("--max-files", type=int, default=Bounds.max_files)
    parser.add_argument("--min-free-mb", type=int, default=Bounds.min_free_bytes // MIB)
    return parser


if __name__ == "__main__":
    start(main, "%(asctime)s %(message)s")
