"""What an entry with a user's reads must have. Imported while Snakemake parses: standard library only."""

import os
from collections.abc import Iterator, Mapping
from typing import Any


def own_read_problems(where: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What a schema cannot say about reads of a user: where, what was found, what to do.

    Without a reference the tools would look for a made-up genome, find nothing, and every human read would pass.
    """
    own = entry["own_reads"]
    if own is None:
        return
    if entry["reference"]["fasta"] is None:
        yield (
            f"{where}.reference.fasta",
            "no reference, though the reads are your own",
            "give the FASTA of the host whose reads are to be found, such as GRCh38",
        )
    paths = [own["fastq1"], own["fastq2"]]
    if own["fastq2"] is not None and len({os.path.normpath(path) for path in paths}) == 1:
        yield (
            f"{where}.own_reads.fastq2",
            "the same file as fastq1",
            "give the second mates, or null for single reads",
        )
