"""One PNG per picture with a C2PA manifest that says it was made by a trained algorithm, signed by the site.

The library puts random numbers into a manifest: its names, and a salt in the box of each assertion. The names are given
here, and the salts are replaced and signed again, so that equal releases have equal bytes. What comes out is read back
by the library before it is kept.

References
----------
C2PA Technical Specification 2.2: 8.4.2 (hashes of JUMBF boxes), 13.2 (COSE), 18.15 (actions). ISO 19566-5 (JUMBF).
"""

import hashlib
import importlib
import io
import json
import struct
import uuid
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from avatarflow import __version__
from avatarflow.core.errors import refuse
from avatarflow.imaging.shards import encode_png
from avatarflow.imaging.spool import Stored
from avatarflow.release.signing import CERTIFICATE, KEY, Signer

FOLDER = "c2pa"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SETTINGS = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
ALGORITHMS: Mapping[str, tuple[str, type[hashes.HashAlgorithm], int]] = {
    "secp256r1": ("ES256", hashes.SHA256, 32),
    "secp384r1": ("ES384", hashes.SHA384, 48),
    "secp521r1": ("ES512", hashes.SHA512, 66),
}
"""Name in COSE, hash and bytes of each half of a signature, by curve (RFC 9053, 2.1)."""
PERSONAL = (
    NameOID.EMAIL_ADDRESS, NameOID.GIVEN_NAME, NameOID.SURNAME, NameOID.INITIALS, NameOID.PSEUDONYM, NameOID.USER_ID,
    NameOID.SERIAL_NUMBER,
)  # fmt: skip
"""Parts of a name that only people have; a certificate travels in every picture that it signs."""
SALT = b"\0\0\0\x18c2sh"


def write(folder: Path, name: str, pictures: Stored, signer: Signer | None) -> None:
    """Write `000000.png` and so on, in the order of the released pictures; `name` is the release's."""
    if signer is None:
        raise refuse("config signing", "no key, and the export c2pa needs one", "name one")
    folder.mkdir()
    for number in range(len(pictures)):
        marked = with_manifest(encode_png(pictures[number]), f"{name} {number:06d}", signer)
        (folder / f"{number:06d}.png").write_bytes(marked)


def try_signer(signer: Signer) -> None:
    """Sign one black pixel, so that a key or certificate that C2PA does not take is known before anything runs.

    Raises
    ------
    AvatarflowError
        If the key would sign with random numbers, a certificate names a person, or the library takes it not.
    """
    if not isinstance(signer.key, Ed25519PrivateKey | EllipticCurvePrivateKey):
        found = "the export c2pa signs with Ed25519 or ECDSA (its RSA is never twice the same)"
        raise refuse(KEY, found, "name such a key, or take c2pa out of release.exports")
    if any(_names_a_person(certificate) for certificate in signer.chain):
        found = "it names a person or an e-mail address, and would be in every picture of c2pa"
        raise refuse(CERTIFICATE, found, "ask for one of an office")
    try:
        with_manifest(encode_png(np.zeros((1, 1, 3), np.uint8)), "trial", signer)
    except _library().C2paError:
        found = "C2PA does not take it"
        do = "ask for one with the key usage digitalSignature alone and the purpose emailProtection"
        raise refuse(CERTIFICATE, found, do) from None


def _names_a_person(certificate: x509.Certificate) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        mails = names.get_values_for_type(x509.RFC822Name)
    except x509.ExtensionNotFound:
        mails = []
    return bool(mails) or any(part.oid in PERSONAL for part in certificate.subject)


def with_manifest(picture: bytes, title: str, signer: Signer) -> bytes:
    """Return a PNG with a manifest that holds no time, no random number and no name but the certificate's.

    Parameters
    ----------
    picture : bytes
        A PNG without a manifest.
    title : str
        Name of the picture; with its bytes it makes the manifest's name.
    signer : Signer
        With a key of Ed25519 or ECDSA.

    Raises
    ------
    AvatarflowError
        If the library does not call its own work valid when it reads it back.
    """
    c2pa = _library()
    name, signed = _uuid(title.encode() + picture), _Signed(signer)
    manifest = {
        "label": f"urn:c2pa:{name}",
        "instance_id": f"xmp.iid:{name}",
        "title": title,
        "claim_generator_info": [{"name": "avatarflow", "version": __version__}],
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {
                    "actions": [
                        {
                            "action": "c2pa.created",
                            "softwareAgent": {"name": "avatarflow", "version": __version__},
                            "digitalSourceType": SOURCE_TYPE,
                        }
                    ]
                },
            }
        ],
    }
    chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in signer.chain).decode()
    algorithm = getattr(c2pa.C2paSigningAlg, signed.algorithm)
    target = io.BytesIO()
    with (
        c2pa.Context(c2pa.Settings.from_dict(SETTINGS)) as context,
        c2pa.Signer.from_callback(signed, algorithm, chain, None) as library_signer,
        c2pa.Builder(json.dumps(manifest), context) as builder,
    ):
        builder.sign(library_signer, "image/png", io.BytesIO(picture), target)
        settled = _settle(target.getvalue(), signed)
        with c2pa.Reader("image/png", io.BytesIO(settled), context=context) as reader:
            if reader.get_validation_state() not in ("Valid", "Trusted"):
                raise refuse("export c2pa", "a manifest that is not valid", "report this")
    return settled


class _Signed:
    """Signs for the library, and keeps what was signed."""

    def __init__(self, signer: Signer) -> None:
        self._key = signer.key
        self.algorithm = "ED25519"
        if isinstance(self._key, EllipticCurvePrivateKey):
            self.algorithm = ALGORITHMS[self._key.curve.name][0]
        self.data = b""

    def __call__(self, data: bytes) -> bytes:
        """Return the signature as the library wants it: for ECDSA in DER."""
        self.data = bytes(data)
        if isinstance(self._key, EllipticCurvePrivateKey):
            _, digest, _ = ALGORITHMS[self._key.curve.name]
            return self._key.sign(self.data, ECDSA(digest(), deterministic_signing=True))
        assert isinstance(self._key, Ed25519PrivateKey)
        return self._key.sign(self.data)

    def in_cose(self, data: bytes) -> bytes:
        """Return the signature of `data` as it stands in the picture."""
        signature = self(data)
        if not isinstance(self._key, EllipticCurvePrivateKey):
            return signature
        length = ALGORITHMS[self._key.curve.name][2]
        return b"".join(half.to_bytes(length, "big") for half in decode_dss_signature(signature))


def _settle(marked: bytes, signed: _Signed) -> bytes:
    """Return the PNG with salts that follow from their place, and all that depends on them made again."""
    begin, end = _chunk(marked)
    store, claim = bytearray(marked[begin:end]), signed.data
    old_signature = signed.in_cose(claim)
    for number, (first, last, salt) in enumerate(list(_salted(store, 0, len(store)))):
        old = hashlib.sha256(store[first:last]).digest()
        store[salt : salt + 16] = hashlib.sha256(b"salt %d" % number).digest()[:16]
        new = hashlib.sha256(store[first:last]).digest()
        store, claim = bytearray(_once(bytes(store), old, new)), _once(claim, old, new)
    store = bytearray(_once(bytes(store), old_signature, signed.in_cose(claim)))
    check = struct.pack(">I", zlib.crc32(b"caBX" + store))
    return marked[:begin] + bytes(store) + check + marked[end + 4 :]


def _once(data: bytes, old: bytes, new: bytes) -> bytes:
    if data.count(old) != 1:
        raise refuse("export c2pa", "a manifest of another form", "install c2pa-python 0.38.1")
    return data.replace(old, new)


def _chunk(png: bytes) -> tuple[int, int]:
    """Return where the data of the chunk with the manifest begin and end."""
    place = 8
    while place + 8 <= len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8])
        if kind == b"caBX":
            return place + 8, place + 8 + length
        place += length + 12
    raise refuse("export c2pa", "a picture without a manifest", "install c2pa-python 0.38.1")


def _salted(store: bytearray, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield where the hashed part of each box with a salt begins and ends, and where its 16 bytes of salt begin."""
    while begin + 8 <= end:
        length, kind = struct.unpack(">I4s", store[begin : begin + 8])
        last = begin + length
        if length < 8 or last > end:
            raise refuse("export c2pa", "a manifest of another form", "install c2pa-python 0.38.1")
        if kind == b"jumb":
            (described,) = struct.unpack(">I", store[begin + 8 : begin + 12])
            salt = store.find(SALT, begin + 8, begin + 8 + described)
            if salt >= 0:
                yield begin + 8, last, salt + len(SALT)
            yield from _salted(store, begin + 8 + described, last)
        begin = last


def _uuid(data: bytes) -> uuid.UUID:
    """Return a UUID that follows from data, in the form of version 4: C2PA takes no other."""
    return uuid.UUID(bytes=hashlib.sha256(data).digest()[:16], version=4)


def _library() -> Any:
    """Return the library; it is no part of the environment (decision 0063), and the config is refused without it."""
    return importlib.import_module("c2pa")
