"""The export c2pa: what a manifest says, read by the library and by a reader of our own; equal bytes."""

import hashlib
import io
import json
import struct
import zlib
from importlib.util import find_spec

import numpy as np
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID
from PIL import Image
from site_keys import site
from test_exports import SETTINGS, contents, release

from avatarflow.config import data_problems
from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.release.exports.c2pa import SOURCE_TYPE, try_signer, with_manifest
from avatarflow.release.exports.names import C2PA_VERSION
from avatarflow.release.signing import read_signer

KINDS = ("ed25519", "p256", "p384")
needs_library = pytest.mark.skipif(
    find_spec("c2pa") is None,
    reason=f"pip install --no-deps c2pa-python=={C2PA_VERSION}: it is not in the lock",
)


def png(seed=0, size=24):
    pixels = np.random.default_rng(seed).integers(0, 255, (size, size, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def chunks(data):
    """Yield type, content and whole bytes of each chunk of a PNG, and check its sum."""
    place = 8
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        content = data[place + 8 : place + 8 + length]
        (check,) = struct.unpack(">I", data[place + 8 + length : place + 12 + length])
        assert check == zlib.crc32(kind + content)
        yield kind, content, data[place : place + 12 + length]
        place += 12 + length


def boxes(data):
    """Return the boxes of JUMBF data as pairs of type and content."""
    found = []
    while data:
        length, kind = struct.unpack(">I4s", data[:8])
        found.append((kind, data[8:length]))
        data = data[length:]
    return found


def tree(data, above=""):
    """Return the content of every superbox by its path of labels, and of its first content box."""
    found = {}
    for kind, content in boxes(data):
        if kind == b"jumb":
            (_, description), *rest = boxes(content)
            label = above + "/" + description[17:].split(b"\0")[0].decode()
            inner = content[8 + len(description) :]
            found[label] = (content, rest[0][1] if rest else b"")
            found |= tree(inner, label)
    return found


def cbor(data, place=0):
    """Return the value at a place of CBOR, and where the next one begins (RFC 8949; what C2PA uses of it)."""
    major, size = data[place] >> 5, data[place] & 31
    place += 1
    if size >= 24 and major != 7:
        length = 1 << (size - 24)
        size, place = int.from_bytes(data[place : place + length], "big"), place + length
    if major in (0, 1):
        return (size if major == 0 else -1 - size), place
    if major in (2, 3):
        part = data[place : place + size]
        return (part if major == 2 else part.decode()), place + size
    if major in (4, 5):
        parts = []
        for _ in range(size * (major - 3)):
            part, place = cbor(data, place)
            parts.append(part)
        return (parts if major == 4 else dict(zip(parts[::2], parts[1::2], strict=True))), place
    if major == 6:
        return cbor(data, place)
    return {20: False, 21: True, 22: None}[size], place


def text_of(data):
    """Return bytes as CBOR."""
    length = len(data)
    head = bytes([0x40 | length]) if length < 24 else b"\x59" + struct.pack(">H", length)
    if 24 <= length < 256:
        head = bytes([0x58, length])
    return head + data


def verify_by_hand(data, key):
    """Check signature and hashes of a marked PNG without the library, and return its actions."""
    (store,) = [content for kind, content, _ in chunks(data) if kind == b"caBX"]
    found = tree(store)
    (claim,) = [inner for label, (_, inner) in found.items() if label.endswith("/c2pa.claim.v2")]
    (cose,) = [inner for label, (_, inner) in found.items() if label.endswith("/c2pa.signature")]
    (protected, _, payload, signature), _ = cbor(cose)
    assert payload is None
    signed = b"\x84\x6aSignature1" + text_of(protected) + b"\x40" + text_of(claim)
    if hasattr(key, "curve"):
        half = len(signature) // 2
        parts = (signature[:half], signature[half:])
        signature = encode_dss_signature(*(int.from_bytes(part, "big") for part in parts))
        digest = {256: hashes.SHA256, 384: hashes.SHA384}[key.curve.key_size]
        key.verify(signature, signed, ECDSA(digest()))
    else:
        key.verify(signature, signed)
    claim, _ = cbor(claim)
    contents = {}
    for assertion in claim["created_assertions"] + claim.get("gathered_assertions", []):
        name = assertion["url"].rpartition("/")[2]
        (box,) = [label for label in found if label.endswith(f"/{name}")]
        assert hashlib.sha256(found[box][0]).digest() == assertion["hash"]
        contents[name], _ = cbor(found[box][1])
    rest = data[:8] + b"".join(whole for kind, _, whole in chunks(data) if kind != b"caBX")
    assert contents["c2pa.hash.data"]["hash"] == hashlib.sha256(rest).digest()
    return contents["c2pa.actions.v2"]["actions"]


def state(data):
    from c2pa import C2paError, Reader

    try:
        with Reader("image/png", io.BytesIO(data)) as reader:
            return reader.get_validation_state()
    except C2paError as error:
        return type(error).__name__.removeprefix("_C2pa")


def swapped(data, kind, change):
    """Return a PNG with the content of its chunks of one type changed, and their sums right."""
    parts = [data[:8]]
    for found, content, whole in chunks(data):
        if found == kind:
            content = change(content)
            body = kind + content
            whole = struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
        parts.append(whole)
    return b"".join(parts)


def other_pixel(content):
    pixels = bytearray(zlib.decompress(content))
    pixels[5] ^= 1
    return zlib.compress(bytes(pixels))


@needs_library
@pytest.mark.parametrize("kind", KINDS)
def test_a_manifest_says_what_it_must_and_both_readers_take_it(kind, tmp_path):
    signer = read_signer(site(tmp_path, kind))
    marked = with_manifest(png(), "eyes 000000", signer)
    assert state(marked) == "Valid"
    (action,) = verify_by_hand(marked, signer.key.public_key())
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"] == SOURCE_TYPE
    assert SOURCE_TYPE.endswith("/trainedAlgorithmicMedia")
    assert action["softwareAgent"]["name"] == "avatarflow"
    before, after = (np.asarray(Image.open(io.BytesIO(data))) for data in (png(), marked))
    assert np.array_equal(before, after)


@needs_library
@pytest.mark.parametrize("kind", KINDS)
def test_equal_pictures_have_equal_manifests_and_others_other_names(kind, tmp_path):
    signer = read_signer(site(tmp_path, kind))
    marked = with_manifest(png(), "eyes 000000", signer)
    assert with_manifest(png(), "eyes 000000", signer) == marked
    names = {
        label.split("/")[2]
        for data in (marked, with_manifest(png(1), "x", signer), with_manifest(png(), "y", signer))
        for kind, content, _ in chunks(data)
        if kind == b"caBX"
        for label in tree(content)
        if label.count("/") == 2
    }
    assert len(names) == 3


@needs_library
def test_a_changed_pixel_a_changed_claim_and_another_key_fail(tmp_path):
    signer, other = (read_signer(site(tmp_path / name)) for name in ("site", "other"))
    marked = with_manifest(png(), "eyes 000000", signer)
    assert state(swapped(marked, b"IDAT", other_pixel)) == "Invalid"
    for old, new in ((b"trainedAlgorithmicMedia", b"digitalCapture_________"), (b"eyes", b"eyed")):
        changed = swapped(
            marked, b"caBX", lambda content, old=old, new=new: content.replace(old, new)
        )
        assert changed != marked
        assert state(changed) == "Invalid"
    with pytest.raises(InvalidSignature):
        verify_by_hand(marked, other.key.public_key())
    with pytest.raises(AssertionError):
        verify_by_hand(swapped(marked, b"IDAT", other_pixel), signer.key.public_key())


@needs_library
def test_a_picture_saved_anew_has_no_manifest(tmp_path):
    marked = with_manifest(png(), "eyes 000000", read_signer(site(tmp_path)))
    buffer = io.BytesIO()
    Image.open(io.BytesIO(marked)).save(buffer, "PNG")
    assert state(buffer.getvalue()) == "ManifestNotFound"


@needs_library
def test_a_release_has_a_valid_picture_each_and_equal_bytes(tmp_path):
    signer = read_signer(site(tmp_path / "site"))
    settings = {**SETTINGS, "exports": ["c2pa"]}
    made = contents(release(tmp_path / "a", settings=settings, signer=signer))
    assert contents(release(tmp_path / "b", settings=settings, signer=signer)) == made
    pictures = {name: data for name, data in made.items() if name.startswith("c2pa/")}
    assert list(pictures) == [f"c2pa/{number:06d}.png" for number in range(7)]
    for data in pictures.values():
        assert state(data) == "Valid"
        assert str(tmp_path).encode() not in data
        assert b"student-0000" not in data
    lines = made["SHA256SUMS"].decode()
    assert all(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" in lines for name, data in pictures.items()
    )


# --- refused before anything runs


def asked(**more):
    entry = {"source": {"generate": {}}, "gates": {}, "release": {"exports": ["c2pa"]}}
    return load({"releases": {"eyes": entry}, **more})


def test_without_a_key_or_the_library_the_export_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(data_problems, "installed_version", lambda _: "0.9.0")
    where = "config releases.eyes.release.exports: c2pa"
    with pytest.raises(AvatarflowError) as error:
        asked()
    assert str(error.value).splitlines() == [
        f"{where} without a key to sign with; name signing.key and its certificate",
        f"{where} needs c2pa-python 0.38.1, found 0.9.0; "
        "pip install --no-deps c2pa-python==0.38.1, or take c2pa out",
    ]
    monkeypatch.setattr(data_problems, "installed_version", lambda _: C2PA_VERSION)
    asked(signing={"key": "/keys/site.pem", "certificate": "/keys/site.crt"})


def test_a_package_that_is_not_there_has_no_version():
    assert data_problems.installed_version("no-such-package-4711") == ""
    assert data_problems.installed_version("pillow")


def test_a_key_that_is_never_twice_the_same_is_refused(tmp_path):
    with pytest.raises(
        AvatarflowError, match=r"config signing\.key: the export c2pa signs with Ed25"
    ):
        try_signer(read_signer(site(tmp_path, "rsa")))


@pytest.mark.parametrize("part", [NameOID.EMAIL_ADDRESS, NameOID.SURNAME])
def test_a_certificate_of_a_person_is_refused_without_its_name(part, tmp_path):
    signer = read_signer(site(tmp_path, more=[(part, "doe@example.org")]))
    with pytest.raises(AvatarflowError, match="it names a person or an e-mail address") as error:
        try_signer(signer)
    assert "doe" not in str(error.value)


@needs_library
def test_a_certificate_for_another_purpose_is_refused(tmp_path):
    signing = site(tmp_path)
    try_signer(read_signer(signing))
    with pytest.raises(
        AvatarflowError, match=r"config signing\.certificate: C2PA does not take it"
    ):
        try_signer(
            read_signer({**signing, "certificate": site(tmp_path, purpose=False)["certificate"]})
        )


@needs_library
def test_manifests_hold_no_date(tmp_path):
    from c2pa import Reader

    marked = with_manifest(png(), "eyes 000000", read_signer(site(tmp_path)))
    with Reader("image/png", io.BytesIO(marked)) as reader:
        text = json.dumps(json.loads(reader.json())["manifests"])
    assert "time" not in text.replace("softwareAgent", "")
    assert "when" not in text
