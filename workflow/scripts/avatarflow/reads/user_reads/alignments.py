"""Single reads out of SAM, BAM or CRAM, as the sequencer read them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pysam

from avatarflow.core.file_problems import Complaints

NO_READ = 0x100 | 0x800  # secondary and supplementary records repeat a read
MATES = "make two FASTQ of it with samtools collate and samtools fastq -1 -2, and give both"


def alignment_records(
    path: Path, label: str, complaints: Complaints
) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, bases and qualities (Phred + 33) of every read, in the direction of sequencing.

    Mates, reads without qualities, and a file that cannot be read to its end are complaints.
    """
    number = 0
    # a CRAM's reference is looked for on this machine alone
    os.environ.setdefault("REF_PATH", os.devnull)
    loudness = pysam.set_verbosity(0)  # the library would print the path
    try:
        with pysam.AlignmentFile(str(path), check_sq=False) as file:
            for read in file.fetch(until_eof=True):
                if read.flag & NO_READ:
                    continue
                number += 1
                if read.is_paired:
                    complaints.line(label, number, "mates in one file of alignments", MATES)
                    return
                bases, scores = read.get_forward_sequence() or "", read.get_forward_qualities()
                if bases and scores is None:
                    complaints.line(
                        label, number, "a read without qualities", "give the reads with qualities"
                    )
                    return
                qualities = bytes(min(score + 33, 126) for score in scores or ())
                yield str(read.query_name).encode(), bases.encode(), qualities
    except (OSError, ValueError):
        complaints.line(
            label,
            number + 1,
            "alignments that cannot be read (truncated or damaged, or CRAM without its reference)",
            "fetch the file again, or make FASTQ of it with samtools fastq",
        )
    finally:
        pysam.set_verbosity(loudness)
