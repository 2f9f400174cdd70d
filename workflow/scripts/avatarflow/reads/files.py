"""Files of a user, opened by what their first bytes say and not by what they are called."""

import bz2
import gzip
import io
import lzma
import re
import zlib
from typing import IO, Any

import pyarrow as pa

DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error, pa.ArrowException)
"""What reading a truncated or damaged compressed file raises."""

# a byte order mark of UTF-8, as spreadsheets and editors of Windows write it
MARK = b"\xef\xbb\xbf"
UNPACK = "unpack it, and give what is in it"
FETCH = "fetch the file again"
FASTQ = "make FASTQ of it with the maker's tools"
KINDS = {
    b"PK\x03\x04": ("a ZIP archive", UNPACK),
    b"PK\x05\x06": ("a ZIP archive", UNPACK),
    b"7z\xbc\xaf": ("a 7z archive", UNPACK),
    b"Rar!": ("a RAR archive", UNPACK),
    b"\x04\x22\x4d\x18": ("an LZ4 file, which is not read", "give gzip, bzip2, xz, zstd or plain"),
    b"\x1f\x9d": ("a file of compress (.Z), which is not read", "give gzip or plain"),
    b"\x89HDF": ("an HDF5 file (FAST5?)", FASTQ),
    b"\x8bPOD": ("a POD5 file", FASTQ),
    b".sff": ("an SFF file", FASTQ),
    b"NCBI.sra": ("an SRA file", "make FASTQ of it with fasterq-dump"),
    b"PAR1": ("a Parquet file", "give a text file"),
    b"%PDF": ("a PDF file", "give a text file"),
    b"\x43\x27\x41\x1a": ("a 2bit file", "make FASTA of it with twoBitToFa"),
    b"\x1a\x41\x27\x43": ("a 2bit file", "make FASTA of it with twoBitToFa"),
    b"LOCUS ": ("a GenBank file", "make FASTA of it"),
    b"\xff\xfe": ("UTF-16 text", "save it as UTF-8"),
    b"\xfe\xff": ("UTF-16 text", "save it as UTF-8"),
    b"<!DOCTYPE": ("a web page in place of the file", FETCH),
    b"<html": ("a web page in place of the file", FETCH),
    b"version https://git-lfs": ("a pointer of Git LFS in place of the file", "run git lfs pull"),
    b"BAM\x01": ("a BAM file", "make FASTQ of it with samtools fastq"),
    b"CRAM": ("a CRAM file", "make FASTQ of it with samtools fastq"),
    b"BCF\x02": ("a BCF file", "make VCF of it with bcftools view"),
}
"""First bytes of what is no text: what it is, and what to do."""

TAR, TAR_AT = b"ustar", 257
SAM_HEADER = re.compile(rb"@(?:(?:HD|SQ|RG|PG)\t[A-Za-z][A-Za-z0-9]:|CO\t)")
SAM_RECORD = re.compile(
    rb"[^@\s][^\t\n]*\t\d+\t[^\t\n]+\t\d+\t\d+\t[^\t\n]+\t[^\t\n]+\t\d+\t-?\d+\t"
)
"""Name, flag, reference, position, quality, CIGAR, the mate's reference and position, length."""
LONGEST_NAME = 1024  # bytes that hold a name (254 at most) and the columns after it


def unpacked(raw: IO[bytes]) -> io.BufferedReader:
    """Decompress gzip, bzip2, xz and zstd; the byte order mark of a text is taken off."""
    magic = raw.read(6)
    raw.seek(0)
    stream: Any = raw
    if magic.startswith(b"\x1f\x8b"):
        stream = gzip.GzipFile(fileobj=raw)
    elif magic.startswith(b"\xfd7zXZ"):
        stream = lzma.LZMAFile(raw)  # noqa: SIM115 - the caller closes `raw`
    elif magic.startswith(b"BZh"):
        stream = bz2.BZ2File(raw)
    elif magic.startswith(b"\x28\xb5\x2f\xfd"):
        stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
    file = io.BufferedReader(stream, 1 << 20)
    if file.peek(3).startswith(MARK):
        file.read(3)
    return file


def kind_of(file: io.BufferedReader) -> tuple[str, str] | None:
    """What a file is that is no text, and what to do about it; None for text. Nothing is taken from the file."""
    start = file.peek(TAR_AT + len(TAR))
    if start[TAR_AT : TAR_AT + len(TAR)] == TAR:
        return "a tar archive", UNPACK
    return next((kind for magic, kind in KINDS.items() if start.startswith(magic)), None)


def is_alignments(file: io.BufferedReader) -> bool:
    """Whether a file is SAM (with or without its header), BAM or CRAM."""
    start = file.peek(LONGEST_NAME)
    known = start.startswith((b"BAM\x01", b"CRAM")) or SAM_HEADER.match(start) is not None
    return known or headless(file)


def headless(file: io.BufferedReader) -> bool:
    """Whether a file begins with a record of SAM, without a header before it."""
    return SAM_RECORD.match(file.peek(LONGEST_NAME)) is not None
