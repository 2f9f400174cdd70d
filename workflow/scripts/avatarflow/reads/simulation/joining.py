"""The joining of shards to whole files, a piece at a time."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from avatarflow.core.errors import refuse
from avatarflow.core.paths import replacing
from avatarflow.reads import bgzf

from .truth import TRUTH

ROW_GROUP = 1 << 16
BINARY = ("reads1", "reads2", "bam")


def join_shards(shards: Mapping[str, Sequence[str]], outputs: Mapping[str, str]) -> None:
    """Put shards together, in the order given, to whole files (`reads1`, `reads2`, `bam`, `truth`)."""
    for key in BINARY:
        with replacing(outputs[key]) as path, path.open("wb") as file:
            for part in shards[key]:
                with Path(part).open("rb") as piece:
                    shutil.copyfileobj(piece, file, 1 << 20)
            file.write(bgzf.EOF)
    with (
        replacing(outputs["truth"]) as path,
        pq.ParquetWriter(path, TRUTH, compression="zstd") as writer,
    ):
        for table in _row_groups(shards["truth"]):
            writer.write_table(table, row_group_size=ROW_GROUP)


def _row_groups(paths: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of all tables in pieces of ROW_GROUP, wherever one table ends; names must rise."""
    held, last = TRUTH.empty_table(), ""
    for path in paths:
        for batch in pq.ParquetFile(path).iter_batches(ROW_GROUP):
            names = batch.column("fragment")
            if len(names) and names[0].as_py() <= last:
                raise refuse("reads", "shards that overlap", "delete the shards and simulate again")
            last = names[-1].as_py() if len(names) else last
            held = pa.concat_tables([held, pa.Table.from_batches([batch])])
            while len(held) >= ROW_GROUP:
                yield held.slice(0, ROW_GROUP).combine_chunks()
                held = held.slice(ROW_GROUP)
    yield held.combine_chunks()
