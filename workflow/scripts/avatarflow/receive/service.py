"""A DICOM service that answers C-ECHO and keeps what C-STORE sends; its log names nobody."""

import itertools
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from pydicom import config as pydicom_config
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from avatarflow.core.errors import refuse
from avatarflow.imaging.formats.dicom_header import check_header, parse_picture
from avatarflow.imaging.picture_checks import Limits, PictureError

from .accepted import storage_classes, transfer_syntaxes
from .inbox import FAILED, OUT_OF_RESOURCES, Inbox, Refused

log = logging.getLogger(__name__)
SUCCESS, MISMATCH, NOT_UNDERSTOOD = 0x0000, 0xA900, 0xC000
ANY = Limits(1, 2**16, 2**32, 2.0**16)
"""Sizes are refused by intake, which knows what the configuration allows."""
UID = re.compile(r"[0-9.]{1,64}", re.ASCII)
TITLE = re.compile(r"[!-~]([ -~]{0,14}[!-~])?", re.ASCII)
MOST_READ = 2**20  # bytes that a sender may announce at once; it was told `MOST_PDU`
MOST_PDU = 64 * 2**10
INVALID_PDU = "Evt19"  # PS3.8 table 9-10: ends the association
IDLE_S = 60.0
OPENING_S = 10.0
"""How long a connection may stand without saying that it is an association."""
PAUSE_S = 0.05


@dataclass(frozen=True)
class Address:
    """Where the service listens, and to whom.

    Raises
    ------
    AvatarflowError
        For a title that is no AE title (PS3.5 6.2: 1 to 16 letters, no backslash).
    """

    host: str = "127.0.0.1"
    port: int = 11112
    ae_title: str = "AVATARFLOW"
    allowed: Sequence[str] = ()
    """AE titles that may call; none: all."""
    max_associations: int = 10

    def __post_init__(self) -> None:
        named = {"AE_TITLE": [self.ae_title], "ALLOW": self.allowed}
        for name, titles in named.items():
            for place, title in enumerate(titles, start=1):
                if not TITLE.fullmatch(title) or "\\" in title:
                    found = f"title {place} is no AE title"
                    raise refuse(f"receive {name}", found, "give 1 to 16 letters, no backslash")


class Service:
    """The running service; associations have a thread each.

    Raises
    ------
    AvatarflowError
        If the address cannot be listened on.
    """

    def __init__(self, inbox: Inbox, address: Address) -> None:
        self.inbox = inbox
        self._associations = itertools.count(1)
        self._instances = itertools.count(1)
        self._numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._too_large: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()
        entity = AE(ae_title=address.ae_title)
        entity.require_called_aet = True
        entity.require_calling_aet = list(address.allowed)
        entity.maximum_associations = address.max_associations
        entity.maximum_pdu_size = MOST_PDU
        entity.acse_timeout = OPENING_S
        entity.dimse_timeout = entity.network_timeout = IDLE_S
        entity.add_supported_context(Verification)
        syntaxes = transfer_syntaxes()
        for storage_class in storage_classes():
            entity.add_supported_context(storage_class, syntaxes)
        handlers = [
            (evt.EVT_CONN_OPEN, self._open),
            (evt.EVT_PDU_RECV, self._bound),
            (evt.EVT_REJECTED, self._say, ["rejected: not for this service, or not on the list"]),
            (evt.EVT_ACCEPTED, self._say, ["accepted"]),
            (evt.EVT_RELEASED, self._say, ["ended"]),
            (evt.EVT_ABORTED, self._say, ["broken off; what was half received is not kept"]),
            (evt.EVT_C_ECHO, self._echo),
            (evt.EVT_C_STORE, self._store),
        ]
        try:
            where = (address.host, address.port)
            self._server: Any = entity.start_server(where, block=False, evt_handlers=handlers)
        except (OSError, OverflowError, ValueError):
            found = "the address cannot be listened on"
            raise refuse("receive HOST, PORT", found, "name a free port of this machine") from None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def is_busy(self) -> bool:
        """Whether an association runs."""
        return bool(self._server.active_associations)

    def stop(self) -> None:
        """Accept no further association; those that run go on."""
        self._server.shutdown()

    def abort(self) -> None:
        """Break off the associations that run."""
        for association in self._server.active_associations:
            association.abort()

    def wait(self) -> None:
        """Wait until no association runs."""
        while self.is_busy:
            time.sleep(PAUSE_S)

    def _say(self, event: Any, what: str) -> None:
        log.info("association %d: %s", self._numbers.get(event.assoc, 0), what)

    def _open(self, event: Any) -> None:
        """Number an association, and refuse to read more at once than a sender may announce.

        pynetdicom reads as many bytes as the sender says, up to 4 GiB, into memory.
        """
        self._numbers[event.assoc] = next(self._associations)
        socket = event.assoc.dul.socket
        read = socket.recv

        def read_bounded(size: int) -> Any:
            if size > MOST_READ:
                raise OSError("more than was agreed on")
            return read(size)

        socket.recv = read_bounded

    def _bound(self, event: Any) -> None:
        """Forget what has come of an instance that is too large; its end is waited for, to answer it."""
        dimse, message = event.assoc.dimse, event.assoc.dimse.message
        command = 0 if message is None else message.encoded_command_set.tell()
        # nobody may send on without an answer (PS3.7 D.3.3.3), and no command is that long
        if dimse.msg_queue.qsize() > 1 or command > MOST_READ:
            event.assoc.dul.event_queue.put(INVALID_PDU)
        if message is not None and message.data_set.tell() > self.inbox.bounds.max_bytes:
            self._too_large[event.assoc] = True
            message.data_set.seek(0)
            message.data_set.truncate()

    def _echo(self, event: Any) -> int:
        self._say(event, "echo")
        return SUCCESS

    def _store(self, event: Any) -> int:
        """Answer one C-STORE by a status, PS3.4 B.2.3."""
        number = next(self._instances)
        try:
            size, is_new = self._keep(event)
        except Refused as refused:
            self._say(
                event, f"instance {number} refused with {refused.status:04X}: {refused.reason}"
            )
            return refused.status
        except Exception as error:  # its text may hold anything
            self._say(event, f"instance {number} failed: {type(error).__name__}")
            return FAILED
        done = "kept" if is_new else "is there already"
        self._say(event, f"instance {number} {done}, {size / 1e6:.1f} MB")
        return SUCCESS

    def _keep(self, event: Any) -> tuple[int, bool]:
        most = self.inbox.bounds.max_bytes
        request = event.request
        if request.DataSet is None:
            raise Refused(NOT_UNDERSTOOD, "no data set")
        if self._too_large.pop(event.assoc, False) or len(request.DataSet.getbuffer()) > most:
            raise Refused(OUT_OF_RESOURCES, f"more than {most / 2**20:.0f} MiB")
        uid, storage_class = str(request.AffectedSOPInstanceUID), str(request.AffectedSOPClassUID)
        if not UID.fullmatch(uid):
            raise Refused(MISMATCH, "its SOPInstanceUID is no UID")
        file = event.encoded_dataset()
        said = _said(file)
        if storage_class != event.context.abstract_syntax or said != (storage_class, uid):
            raise Refused(MISMATCH, "the data set has another class or UID than was announced")
        return len(file), self.inbox.keep(uid, file)


def _said(file: bytes) -> tuple[str, str]:
    """Return what a file says of its class and UID, if it is a picture that can be parsed to its end."""
    try:
        with pydicom_config.disable_value_validation():
            dataset = parse_picture(file, ANY)
            header = check_header(dataset, ANY)
            is_compressed = dataset.file_meta.TransferSyntaxUID.is_encapsulated
            if not is_compressed and len(dataset.PixelData) < header.length:
                raise PictureError("truncated")
            return str(dataset.get("SOPClassUID")), str(dataset.get("SOPInstanceUID"))
    except PictureError as error:
        raise Refused(NOT_UNDERSTOOD, error.reason) from None
    except Exception:
        raise Refused(NOT_UNDERSTOOD, "damaged") from None
