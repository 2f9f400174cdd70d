"""Manifests inside other files: gzip is inflated within a limit, other kinds are named."""

import gzip
import io
import re
import zlib

from avatarflow.core.errors import refuse

GZIP = b"\x1f\x8b"
MOST_BYTES = 256 * 2**20
"""What a gzipped manifest may be inflated to: a small file could otherwise fill the memory."""
NO_TABLE = {
    "a ZIP archive or an Excel workbook": re.compile(rb"PK\x03\x04"),
    "an Excel workbook of the old kind": re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    "compressed with bzip2": re.compile(rb"BZh[1-9]1AY&SY"),
    "compressed with xz": re.compile(rb"\xfd7zXZ\0"),
    "compressed with Zstandard": re.compile(rb"\x28\xb5\x2f\xfd"),
    "a 7-Zip archive": re.compile(rb"7z\xbc\xaf\x27\x1c"),
    "a SQLite database": re.compile(rb"SQLite format 3\0"),
}


def unpacked(content: bytes, where: str) -> bytes:
    """Return the table inside a gzipped manifest, any other manifest as it is.

    Raises
    ------
    AvatarflowError
        If gzip data are damaged or inflate to more than `MOST_BYTES`, or the content is of a kind
        that is no table.
    """
    if content.startswith(GZIP):
        content = _inflated(content, where)
    for kind, start in NO_TABLE.items():
        if start.match(content):
            raise refuse(where, f"it is {kind}", "save it as CSV in UTF-8, or as Parquet")
    return content


def _inflated(content: bytes, where: str) -> bytes:
    """Inflate all members of a gzip file, but never more than the limit."""
    try:
        with gzip.open(io.BytesIO(content)) as file:
            inflated = file.read(MOST_BYTES + 1)
    except (EOFError, OSError, zlib.error):
        found = "its gzip data are damaged or cut off"
        raise refuse(where, found, "copy or compress it again") from None
    if len(inflated) > MOST_BYTES:
        found = f"it inflates to more than {MOST_BYTES // 2**20} MiB"
        raise refuse(where, found, "take out what intake does not need, or give it uncompressed")
    return inflated
