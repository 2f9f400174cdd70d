"""Keyed pseudonyms: HMAC-SHA-256 of an identifier, under a key that lies outside the project.

Without the key a pseudonym cannot be computed from an identifier, not even by trying all of them. A new key gives new
pseudonyms, which cannot be computed from the old ones once the old key is destroyed. Values that stayed the same, such
as rare ones or the days between visits, can still join two tables.

References
----------
RFC 2104; ENISA 2019, Pseudonymisation techniques and best practices, section 5.1.
"""

import hashlib
import hmac
import json
from pathlib import Path

from avatarflow.core.errors import refuse
from avatarflow.core.secret_files import read_secret

SHORTEST_BYTES = 32
FEWEST_BYTES = 8  # different ones: hexadecimal keys of 32 letters have about 14
MAKE_ONE = "make one: openssl rand -hex 32 > key; chmod 600 key"


def read_key(path: str | Path, where: str) -> bytes:
    """Return the key of a file, without the blanks around it.

    Raises
    ------
    AvatarflowError
        If the file is missing, lies in the project, may be used by others, or holds no usable key.
    """
    key = read_secret(Path(path), where).strip()
    if len(key) < SHORTEST_BYTES:
        raise refuse(where, f"a key of {len(key)} bytes, fewer than {SHORTEST_BYTES}", MAKE_ONE)
    if len(set(key)) < FEWEST_BYTES:
        raise refuse(where, f"a key of {len(set(key))} different bytes", MAKE_ONE)
    return key


def keyed(key: bytes, purpose: str, *parts: str) -> bytes:
    """Return 32 bytes that only somebody with the key can compute; two purposes never share any."""
    message = json.dumps([purpose, *parts], ensure_ascii=True).encode()
    return hmac.new(key, message, hashlib.sha256).digest()


def fingerprint(key: bytes) -> str:
    """Return what tells two keys apart and says nothing else of them; 16 hexadecimal digits."""
    return keyed(key, "fingerprint").hex()[:16]


def pseudonym(key: bytes, scope: str, column: str, identifier: str) -> str:
    """Return the pseudonym of an identifier; 32 hexadecimal digits.

    Parameters
    ----------
    key : bytes
    scope : str
        The release: two releases under one key cannot be joined over their pseudonyms.
    column : str
        The column that it stands in.
    identifier : str
        As `identifiers.spelled` leaves it, so that all spellings of one have one pseudonym.
    """
    return keyed(key, "pseudonym", scope, column, identifier).hex()[:32]
