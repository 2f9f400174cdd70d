"""Blocked gzip (BGZF): pieces compressed apart can be joined, so bytes do not depend on how the work was cut."""

import struct
import zlib

PIECE = 65280  # htslib's block size: leaves room for data that does not compress
EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
HEAD = struct.Struct("<4BI2BH2BHH")


def compress(data: bytes | memoryview, level: int = 5) -> bytes:
    """BGZF blocks of `data`, without the end marker `EOF`, which belongs once at the end of a file.

    References
    ----------
    SAM/BAM specification, section 4.1.
    """
    return b"".join(
        _block(data[start : start + PIECE], level) for start in range(0, len(data), PIECE)
    )


def _block(piece: bytes | memoryview, level: int) -> bytes:
    squeeze = zlib.compressobj(level, zlib.DEFLATED, -15)
    body = squeeze.compress(piece) + squeeze.flush()
    head = HEAD.pack(31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(body) + 25)
    return head + body + struct.pack("<II", zlib.crc32(piece), len(piece))
