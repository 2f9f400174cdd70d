"""DICOM sent over the loopback by pynetdicom's own sender: what is kept, what is refused with which status."""

import errno
import io
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless
from pynetdicom import AE
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import EncapsulatedPDFStorage, Verification

from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.formats.dicom_header import UNFINISHED
from avatarflow.intake.sources.dicom import digest_of_folder
from avatarflow.intake.sources.registry import source_of
from avatarflow.intake.sources.rows import Place
from avatarflow.receive import command, inbox
from avatarflow.receive import service as service_module
from avatarflow.receive.inbox import Bounds, Inbox
from avatarflow.receive.service import Address, Service

OPHTHALMIC = "1.2.840.10008.5.1.4.1.1.77.1.5.1"
SECRETS = ("Doe", "p1", "1.2.826", "19600615")
ROOMY = Bounds(min_free_bytes=1)


def picture(number=1, seed=0, side=40, **elements):
    """An Ophthalmic Photography image of an invented patient."""
    dataset = pydicom.Dataset()
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    values = {
        "SOPClassUID": OPHTHALMIC,
        "SOPInstanceUID": f"1.2.826.0.1.{number}",
        "PatientName": "Doe^Jane",
        "PatientID": "p1",
        "PatientBirthDate": "19600615",
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
        "Rows": side,
        "Columns": side,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "PixelData": pixels.tobytes(),
        **elements,
    }
    for name, value in values.items():
        if value is not None:
            setattr(dataset, name, value)
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


@contextmanager
def receiving(folder, bounds=ROOMY, **address):
    box = Inbox(folder, bounds)
    service = Service(box, Address(port=0, **address))
    try:
        yield service
    finally:
        service.stop()
        service.abort()
        service.wait()
        box.close()


def calling(
    port, classes=((OPHTHALMIC, ExplicitVRLittleEndian),), title="CAMERA", called="AVATARFLOW"
):
    """An association as a camera opens it."""
    entity = AE(ae_title=title)
    for storage_class, syntax in classes:
        entity.add_requested_context(storage_class, syntax)
    entity.add_requested_context(Verification)
    return entity.associate("127.0.0.1", port, ae_title=called)


def send(port, *datasets, **options):
    """The status of each dataset, sent in one association."""
    association = calling(port, **options)
    assert association.is_established
    try:
        return [association.send_c_store(dataset).Status for dataset in datasets]
    finally:
        association.release()


def leaked(caplog):
    """What the service's own lines hold of the patient."""
    said = [one.getMessage() for one in caplog.records if one.name.startswith("avatarflow")]
    assert said
    return [secret for secret in SECRETS if secret in "\n".join(said)]


def files(folder):
    return sorted(path.name for path in folder.iterdir())


COMPRESSED = {
    "implicit": "MR_small_implicit.dcm",
    "jpeg": "SC_rgb_jpeg_dcmtk.dcm",
    "jpeg 2000": "examples_jpeg2k.dcm",
    "rle": "SC_rgb_rle.dcm",
    "explicit": "SC_ybr_full_422_uncompressed.dcm",
    "big endian": "SC_rgb_small_odd_big_endian.dcm",
    "deflated": "image_dfl.dcm",
}


def test_what_is_sent_is_kept_as_sent_and_read_by_the_source(tmp_path):
    sent = [pydicom.dcmread(get_testdata_file(name)) for name in COMPRESSED.values()]
    classes = [(one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in sent]
    with receiving(tmp_path / "inbox") as service:
        assert send(service.port, *sent, classes=classes) == [0] * len(sent)
    by_uid = {pydicom.dcmread(path).SOPInstanceUID: path for path in (tmp_path / "inbox").iterdir()}
    assert len(by_uid) == len(sent)
    for one in sent:
        path = by_uid[one.SOPInstanceUID]
        kept = pydicom.dcmread(path)
        assert kept.file_meta.TransferSyntaxUID == one.file_meta.TransferSyntaxUID
        assert kept["PixelData"].value == one["PixelData"].value
        assert np.array_equal(kept.pixel_array, one.pixel_array)
        assert path.stat().st_mode & 0o777 == 0o600
        assert re.fullmatch(r"[0-9a-f]{32}\.dcm", path.name)
    place = Place(str(tmp_path / "inbox"))
    rows = source_of(place)(place, ["patient_id"], [], "")
    assert sorted(filter(None, rows["patient_id"])) == sorted(
        str(one.PatientID) for one in sent if one.get("PatientID")
    )


def test_an_instance_is_kept_once_and_another_one_of_its_uid_is_refused(tmp_path, caplog):
    caplog.set_level(logging.INFO, "avatarflow")
    with receiving(tmp_path) as service:
        statuses = send(service.port, picture(), picture(), picture(seed=1), picture(2))
    assert statuses == [0, 0, 0x0111, 0]
    assert len(files(tmp_path)) == 2
    assert "instance 2 is there already" in caplog.text
    assert "instance 3 refused with 0111: its UID is there with another content" in caplog.text
    assert not leaked(caplog)


def announced(dataset, uid=None, data=None):
    """A C-STORE request whose announcement or bytes may be other than those of the data set."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID = dataset.SOPClassUID
    request.AffectedSOPInstanceUID = uid or dataset.SOPInstanceUID
    request.DataSet = io.BytesIO(encode(dataset, False, True) if data is None else data)
    return request


def raw_status(port, request):
    """The answer to a request that pynetdicom's own functions would not send."""
    association = calling(port)
    try:
        association._reactor_checkpoint.clear()  # its thread would take the answer
        while not association._is_paused:
            time.sleep(0.001)
        association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
        return association.dimse.get_msg(block=True)[1].Status
    finally:
        association._reactor_checkpoint.set()
        association.release()


WHOLE = encode(picture(), False, True)
ODD = {
    "another uid": ({"uid": "1.2.3"}, 0xA900, "another class or UID"),
    "no uid": ({"uid": "1.2.Doe"}, 0xA900, "no UID"),
    "no picture": ({"dataset": picture(PixelData=None)}, 0xC000, "no pixel data"),
    "empty picture": ({"dataset": picture(PixelData=b"")}, 0xC000, "no pixel data"),
    "cut off": ({"data": WHOLE[:-50]}, 0xC000, "damaged|truncated"),
    "fewer lines": ({"dataset": picture(Rows=41)}, 0xC000, "truncated"),
    "no rows": ({"dataset": picture(Rows=None)}, 0xC000, "Rows is missing"),
    "no dicom": ({"data": b"\xff" * 400}, 0xC000, "damaged|no pixel data"),
}


@pytest.fixture(scope="module")
def odd_service(tmp_path_factory):
    with receiving(tmp_path_factory.mktemp("odd")) as service:
        yield service


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize(("odd", "status", "reason"), ODD.values(), ids=ODD)
def test_what_is_no_picture_is_refused(odd_service, odd, status, reason, caplog):
    caplog.set_level(logging.INFO, "avatarflow")
    request = announced(**{"dataset": picture(), **odd})
    assert raw_status(odd_service.port, request) == status
    assert re.search(f"refused with {status:04X}: .*({reason})", caplog.text)
    assert not leaked(caplog)
    assert files(odd_service.inbox.folder) == []


def test_classes_and_compressions_that_are_not_read_are_not_agreed_on(odd_service):
    classes = (
        (EncapsulatedPDFStorage, ExplicitVRLittleEndian),
        (OPHTHALMIC, JPEGLSLossless),
    )
    association = calling(odd_service.port, classes)
    accepted = [str(one.abstract_syntax) for one in association.accepted_contexts]
    assert association.send_c_echo().Status == 0
    association.release()
    assert accepted == [str(Verification)]


def test_an_instance_above_the_limit_is_refused_and_the_next_one_is_kept(tmp_path):
    bounds = Bounds(max_bytes=200_000, min_free_bytes=1)
    with receiving(tmp_path, bounds) as service:
        large, huge = picture(1, side=300), picture(2, side=1000)  # 0.27 MB and 3 MB
        assert send(service.port, large, huge, picture(3)) == [0xA700, 0xA700, 0]
    assert len(files(tmp_path)) == 1


def test_what_has_come_of_a_too_large_instance_is_not_held_in_memory(tmp_path, monkeypatch):
    sizes = []
    bound = Service._bound

    def noting(service, event):
        bound(service, event)
        message = event.assoc.dimse.message
        sizes.append(message.data_set.tell() if message else 0)

    monkeypatch.setattr(Service, "_bound", noting)
    with receiving(tmp_path, Bounds(max_bytes=200_000, min_free_bytes=1)) as service:
        assert send(service.port, picture(side=1000)) == [0xA700]
    assert len(sizes) > 40
    assert max(sizes) <= 200_000


FULL = {
    "files": (Bounds(max_files=1, min_free_bytes=1), "the folder holds 1 files"),
    "disk": (Bounds(min_free_bytes=2**60), "too little is left free"),
}


@pytest.mark.parametrize("what", FULL)
def test_a_full_folder_or_disk_refuses(tmp_path, what, caplog):
    caplog.set_level(logging.INFO, "avatarflow")
    bounds, reason = FULL[what]
    with receiving(tmp_path, bounds) as service:
        statuses = send(service.port, picture(1), picture(2))
        assert statuses == ([0, 0xA700] if what == "files" else [0xA700, 0xA700])
        for path in tmp_path.iterdir():
            path.unlink()
        if what == "files":
            assert send(service.port, picture(2)) == [0], "room was made"
    assert reason in caplog.text


@pytest.mark.parametrize(("error", "status"), [(errno.ENOSPC, 0xA700), (errno.EIO, 0x0110)])
def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch, error, status):
    def fail(_):
        raise OSError(error, "Doe")

    with receiving(tmp_path) as service:
        with monkeypatch.context() as patched:
            patched.setattr(inbox.os, "fsync", fail)
            assert send(service.port, picture()) == [status]
        assert files(tmp_path) == []
        assert send(service.port, picture()) == [0]


def test_several_associations_at_once(tmp_path):
    statuses = {}

    def camera(port, first):
        statuses[first] = send(port, *(picture(first + n, seed=n) for n in range(5)))

    with receiving(tmp_path) as service:
        cameras = [threading.Thread(target=camera, args=(service.port, 10 * n)) for n in range(4)]
        for one in cameras:
            one.start()
        for one in cameras:
            one.join()
    assert statuses == {10 * n: [0] * 5 for n in range(4)}
    assert len(files(tmp_path)) == 20


def test_an_association_that_breaks_off_leaves_nothing(tmp_path, caplog):
    caplog.set_level(logging.INFO, "avatarflow")
    with receiving(tmp_path) as service:
        association = calling(service.port)
        message = C_STORE_RQ()
        message.primitive_to_message(announced(picture(side=400)))
        context = association.accepted_contexts[0].context_id
        for _, primitive in zip(range(3), message.encode_msg(context, 16_000), strict=False):
            association.dul.send_pdu(primitive)
        time.sleep(0.3)
        assert files(tmp_path) == []
        association.abort()
        service.wait()
        assert files(tmp_path) == []
        assert send(service.port, picture()) == [0]
    assert "broken off; what was half received is not kept" in caplog.text


def test_a_sender_that_announces_gigabytes_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(service_module, "OPENING_S", 1.0)
    with (
        receiving(tmp_path) as service,
        socket.create_connection(("127.0.0.1", service.port)) as peer,
    ):
        peer.settimeout(10)
        peer.sendall(b"\x01\x00\xff\xff\xff\xff")
        assert peer.recv(100) == b""


@pytest.mark.parametrize(
    ("title", "called", "is_accepted"),
    [
        ("CAMERA", "AVATARFLOW", True),
        ("STRANGER", "AVATARFLOW", False),
        ("CAMERA", "OTHER", False),
    ],
)
def test_only_who_is_on_the_list_may_call(tmp_path, title, called, is_accepted, caplog):
    caplog.set_level(logging.INFO, "avatarflow")
    with receiving(tmp_path, allowed=["FIRST", "CAMERA"]) as service:
        association = calling(service.port, title=title, called=called)
        assert association.is_established is is_accepted
        if is_accepted:
            association.release()
    assert ("rejected" in caplog.text) is not is_accepted
    assert "STRANGER" not in caplog.text


def test_one_service_a_folder_and_no_leftovers(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    left = folder / f"{UNFINISHED}abc"
    left.write_bytes(b"half")
    with receiving(folder):
        assert not left.exists()
        with pytest.raises(AvatarflowError, match="another service receives"):
            Inbox(folder, ROOMY)
    Inbox(folder, ROOMY).close()


def test_the_source_passes_over_what_is_being_received(tmp_path):
    with receiving(tmp_path) as service:
        send(service.port, picture())
    before = digest_of_folder(tmp_path)
    kept = next(tmp_path.iterdir()).read_bytes()
    (tmp_path / f"{UNFINISHED}xyz").write_bytes(kept[:-100])
    place = Place(str(tmp_path))
    assert len(source_of(place)(place, [], [], "")) == 1
    assert digest_of_folder(tmp_path) == before


def test_warns_of_a_network_a_missing_list_and_an_open_folder(tmp_path):
    def warnings(*address):
        box = Inbox(tmp_path / "inbox", ROOMY)
        try:
            return command._warnings(Address(*address), box)
        finally:
            box.close()

    assert warnings() == []
    assert warnings("::1") == warnings("localhost") == []
    assert "not encrypted" in warnings("0.0.0.0")[0]
    assert "every AE title" in warnings("10.0.0.1")[1]
    assert len(warnings("10.0.0.1", 1, "A", ["B"])) == 1
    (tmp_path / "inbox").chmod(0o755)
    assert "other users" in warnings()[0]


BAD = {
    "long title": (["--ae-title", "A" * 17], "receive AE_TITLE: title 1 is no AE title"),
    "empty title": (["--ae-title", ""], "receive AE_TITLE"),
    "odd list": (["--allow", "A B\\C"], "receive ALLOW: title 2"),
    "no room": (["--max-mb", "0"], "receive MAX_MB: found 0"),
    "no port": (["--port", "70000"], "receive HOST, PORT"),
    "no host": (["--host", "203.0.113.1"], "receive HOST, PORT"),
}


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=BAD)
def test_refuses_what_cannot_be_started(tmp_path, options, message, caplog):
    assert command.main(["--folder", str(tmp_path / "inbox"), *options]) == 2
    assert message in caplog.text


def test_refuses_what_is_no_folder(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    assert command.main(["--folder", str(tmp_path / "file")]) == 2
    assert "receive FOLDER: no folder" in caplog.text


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_a_signal_ends_the_service_behind_the_running_association(tmp_path, root):
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "avatarflow.receive.command"),
            *("--folder", tmp_path / "inbox", "--port", "0", "--min-free-mb", "1"),
        ],
        env={**os.environ, "PYTHONPATH": str(root / "workflow" / "scripts")},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        port = int(re.search(r"port (\d+)", process.stderr.readline())[1])
        association = calling(port)
        assert association.send_c_store(picture()).Status == 0
        # libraries warn of this one with its value
        assert raw_status(port, announced(picture(), uid="1.2.Doe")) == 0xA900
        process.send_signal(signal.SIGTERM)
        said = ""
        while "waits for running" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        assert not calling(port).is_established
        assert association.send_c_store(picture(2)).Status == 0
        association.release()
        rest = process.communicate(timeout=30)[1]
    finally:
        process.kill()
    assert process.returncode == 0
    assert "nothing is half-written" in rest
    assert not [secret for secret in (*SECRETS, "CAMERA") if secret in said + rest]
    assert len(files(tmp_path / "inbox")) == 2
