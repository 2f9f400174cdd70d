"""Sign a release with a key of the site, in a form that `openssl` verifies.

Every kind of key signs without random numbers and without a time, so that equal releases have equal signatures.

References
----------
RFC 8032 (Ed25519); RFC 8017, 8.2 (RSA, PKCS #1 v1.5); RFC 6979 (ECDSA).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from avatarflow.core.errors import Problems, noting, refuse
from avatarflow.core.secret_files import read_secret

Key = Ed25519PrivateKey | RSAPrivateKey | EllipticCurvePrivateKey

KEY, CERTIFICATE = "config signing.key", "config signing.certificate"
SHORTEST_RSA_BITS = 2048
CURVES = ("secp256r1", "secp384r1", "secp521r1")
KINDS = "Ed25519, RSA of 2048 bits or more, or ECDSA on P-256, P-384 or P-521"


@dataclass(frozen=True)
class Signer:
    """A key with its certificate, and the certificates above it, if any.

    The key is held as an object whose text shows nothing of it.
    """

    key: Key = field(repr=False)
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """Return the certificate of the key itself."""
        return self.chain[0]

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` shows it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`, for RSA and ECDSA over its SHA-256."""
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(data)
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def read_signer(settings: Mapping[str, Any] | None) -> Signer | None:
    """Read the key and the certificate that `signing` of the config names, or nothing where it names none.

    Raises
    ------
    AvatarflowError
        One line per problem. No text holds a part of the key, a path or a name in the certificate.
    """
    if not settings or settings["key"] is None:
        return None
    with Problems() as problems:
        with noting(problems):
            key = _key(Path(settings["key"]))
        with noting(problems):
            chain = _chain(Path(settings["certificate"]))
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if chain[0].public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        found = "its first certificate belongs to another key than signing.key"
        raise refuse(CERTIFICATE, found, "name the key's own certificate")
    return Signer(key, chain)


def _key(path: Path) -> Key:
    data = read_secret(path, KEY)
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except TypeError:
        do = "name a key without a password, which its permissions protect"
        raise refuse(KEY, "an encrypted key", do) from None
    except (ValueError, UnsupportedAlgorithm):
        # the library's own text stays out: nothing that it read may reach a log
        raise refuse(KEY, "no private key in PEM", f"name one: {KINDS}") from None
    fits = (
        isinstance(key, Ed25519PrivateKey)
        or (isinstance(key, RSAPrivateKey) and key.key_size >= SHORTEST_RSA_BITS)
        or (isinstance(key, EllipticCurvePrivateKey) and key.curve.name in CURVES)
    )
    if not fits:
        raise refuse(KEY, "a key of another kind", f"name one of {KINDS}")
    return key  # type: ignore[return-value]


def _chain(path: Path) -> tuple[x509.Certificate, ...]:
    try:
        chain = tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except OSError:
        raise refuse(CERTIFICATE, "it cannot be read", "check the path") from None
    except ValueError:
        do = "name a file with the key's certificate first"
        raise refuse(CERTIFICATE, "no certificate in PEM", do) from None
    begin, end = chain[0].not_valid_before_utc, chain[0].not_valid_after_utc
    if not begin <= datetime.now(UTC) <= end:
        found = f"valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}, and not today"
        raise refuse(CERTIFICATE, found, "name a valid one")
    return chain
