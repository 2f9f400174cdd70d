"""FASTQ text of whole blocks of reads, and the joining of shards to whole files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import refuse
from ..paths import replacing
from . import bgzf
from .genome import LETTERS, Codes

DIGITS = 9  # of the running number in a read's name
ROW_GROUP = 1 << 16


def fastq(first: int, bases: Codes, qualities: Codes) -> bytes:
    """FASTQ text of n reads of one length; `bases` and `qualities` are (n, length) uint8, names run from `first`."""
    count, length = bases.shape
    width = 2 + DIGITS + 1
    text = np.full((count, width + 2 * length + 4), ord("\n"), np.uint8)
    text[:, 0], text[:, 1] = ord("@"), ord("r")
    numbers = np.arange(first, first + count)[:, None] // 10 ** np.arange(DIGITS - 1, -1, -1) % 10
    text[:, 2 : width - 1] = numbers + ord("0")
    text[:, width : width + length] = LETTERS[bases]
    text[:, width + length + 1] = ord("+")
    text[:, width + length + 3 : -1] = qualities + 33
    return text.tobytes()


def join_shards(reads1: Sequence[str], reads2: Sequence[str], truth: Sequence[str], outputs: Mapping[str, str]) -> None:
    """Put shards together, in the order given, to whole files (`reads1`, `reads2`, `truth`)."""
    for parts, output in ((reads1, outputs["reads1"]), (reads2, outputs["reads2"])):
        with replacing(output) as path, path.open("wb") as file:
            for part in parts:
                file.write(Path(part).read_bytes())
            file.write(bgzf.EOF)
    tables = [pq.read_table(path) for path in truth]
    table = pa.concat_tables(tables).combine_chunks()
    if table.num_rows and len(set(table["fragment"].to_pylist())) != table.num_rows:
        raise refuse("reads", "shards that overlap", "delete the shards and simulate again")
    with replacing(outputs["truth"]) as path:
        pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)
