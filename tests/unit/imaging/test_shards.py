"""Picture shards: exact, atomic, and open to the libraries that others use."""

import hashlib
import weakref

import numpy as np
import pandas as pd
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging import shards
from avatarflow.imaging.spool import Chosen, Spool, content_digest, spooled


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (7, 16, 24, 3), dtype=np.uint8)


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "item": np.arange(7),
            "side": ["left", None, "right", "left", None, "right", "left"],
            "risk": np.linspace(0, 1, 7),
        }
    )


@pytest.fixture
def folder(tmp_path, pictures, table):
    shards.write_shards(tmp_path / "set", pictures, table, per_shard=3)
    return tmp_path / "set"


def test_pictures_and_table_come_back_exactly(folder, pictures, table):
    assert names(folder) == ["00000.parquet", "00001.parquet", "00002.parquet"]
    assert np.array_equal(shards.read_pictures(folder), pictures)
    read = shards.read_table(folder)
    assert read["item"].tolist() == table["item"].tolist()
    assert read["side"].fillna("").tolist() == ["left", "", "right", "left", "", "right", "left"]
    assert read["risk"].tolist() == table["risk"].tolist()


@pytest.mark.parametrize("block", [1, 2, 3, 100])
def test_blocks_do_not_change_what_is_read(folder, pictures, block):
    blocks = list(shards.iterate(folder, block))
    assert max(map(len, blocks)) <= block
    assert np.array_equal(np.concatenate(blocks), pictures)


def test_bytes_depend_on_the_pictures_only(tmp_path, folder, pictures, table):
    shards.write_shards(
        tmp_path / "again", pictures, table.set_index(table.index + 50), per_shard=3
    )
    for name in names(folder):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_one_file_reads_like_a_folder(folder, pictures):
    assert np.array_equal(shards.read_pictures(folder / "00001.parquet"), pictures[3:6])


def test_an_empty_set(tmp_path, table):
    shards.write_shards(tmp_path / "none", np.zeros((0, 16, 16, 3), np.uint8), table.iloc[:0])
    assert len(shards.read_table(tmp_path / "none")) == 0
    assert len(shards.read_pictures(tmp_path / "none")) == 0


def test_pngs_hold_nothing_but_pixels(pictures):
    data = shards.encode_png(pictures[0])
    kinds, place = [], 8
    while place < len(data):
        length = int.from_bytes(data[place : place + 4])
        kinds.append(data[place + 4 : place + 8])
        place += 12 + length
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}


def test_pandas_opens_a_shard(folder, pictures):
    frame = pd.read_parquet(folder / "00000.parquet")
    assert list(frame.columns) == ["image", "item", "side", "risk"]
    assert np.array_equal(shards.decode_png(frame["image"][0]["bytes"]), pictures[0])


def test_duckdb_opens_a_set(folder):
    import duckdb

    query = f"SELECT count(*), max(risk) FROM '{folder}/*.parquet' WHERE side = 'left'"
    assert duckdb.sql(query).fetchall() == [(3, 1.0)]


def test_datasets_opens_a_set_with_decoded_pictures(folder, pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    files = str(folder / "*.parquet")
    loaded = datasets.load_dataset(
        "parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded.num_rows == 7
    assert isinstance(loaded.features["image"], datasets.Image)
    assert np.array_equal(np.asarray(loaded[4]["image"]), pictures[4])
    assert loaded[1]["side"] is None


def test_refuses_pictures_without_rows_and_folders_without_shards(tmp_path, pictures, table):
    with pytest.raises(ValueError, match="7 pictures but 6 rows"):
        shards.write_shard(tmp_path / "a.parquet", pictures, table.iloc[:6])
    assert not names(tmp_path)
    with pytest.raises(AvatarflowError, match="no picture shard"):
        shards.read_table(tmp_path)


def test_a_set_written_bit_by_bit_has_the_bytes_of_one_written_at_once(tmp_path, pictures, table):
    shards.write_shards(tmp_path / "once", pictures, table, per_shard=3)
    writer = shards.ShardWriter(tmp_path / "bits", per_shard=3)
    for rows in (slice(0, 0), slice(0, 1), slice(1, 6), slice(6, 7)):
        writer.append(pictures[rows], table.iloc[rows])
    writer.close(table[:0])
    assert {path.name: path.read_bytes() for path in (tmp_path / "once").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "bits").iterdir()
    }


def test_a_spool_reads_as_an_array_and_leaves_no_file(tmp_path, pictures):
    pictures = pictures[:, :, :16]
    spool = Spool(tmp_path, pictures.shape[1])
    assert [spool.append(picture) for picture in pictures] == list(range(7))
    assert not list(tmp_path.iterdir())
    mask = np.arange(7) % 3 == 0
    for rows in (slice(None), slice(2, 5), [5, 0, 5], mask, []):
        np.testing.assert_array_equal(spool[rows], pictures[rows])
    np.testing.assert_array_equal(spool[-1], pictures[6])
    np.testing.assert_array_equal(spool.consecutive(2, 5), pictures[2:5])
    spool.extend(pictures[:3])
    np.testing.assert_array_equal(spool.consecutive(5, 10), [*pictures[5:], *pictures[:3]])
    some = Chosen(spool, [6, 1, 1, 3])
    np.testing.assert_array_equal(some[1:3], pictures[[1, 1]])
    np.testing.assert_array_equal(np.asarray(some), pictures[[6, 1, 1, 3]])
    np.testing.assert_array_equal(np.stack(list(Chosen(spool, [6, 1]))), pictures[[6, 1]])
    with pytest.raises(
        ValueError, match=r"uint8 of shape \(4, 16, 3\); give uint8 of \(16, 16, 3\)"
    ):
        spool.append(pictures[0][:4])


class Counted:
    """Pictures that are made when they are asked for; `most` is how many of them were alive at once."""

    def __init__(self, pictures):
        self.pictures, self.alive, self.most = pictures, 0, 0

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, rows):
        made = self.pictures[rows].copy()
        count = 1 if made.ndim == 3 else len(made)
        self.alive += count
        self.most = max(self.most, self.alive)
        weakref.finalize(made, self.let_go, count)
        return made

    def let_go(self, count):
        self.alive -= count


def test_a_set_is_written_without_stacking_its_pictures(tmp_path, pictures, table):
    many, rows = np.concatenate([pictures] * 6), pd.concat([table] * 6)
    once, bits = Counted(many), Counted(many)
    shards.write_shards(tmp_path / "once", once, rows, per_shard=20)
    writer = shards.ShardWriter(tmp_path / "bits", per_shard=20)
    for start in range(0, len(many), 6):
        writer.append(bits[start : start + 6], rows.iloc[start : start + 6])
    writer.close(rows[:0])
    assert (once.most, bits.most) == (1, 6)
    assert len(names(tmp_path / "bits")) == 3


def test_joined_parts_are_decoded_block_by_block(monkeypatch, tmp_path, pictures, table):
    parts = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for part, rows in zip(parts, (slice(0, 5), slice(5, 7)), strict=True):
        shards.write_shard(part, pictures[rows], table.iloc[rows])
    blocks = []
    append = shards.ShardWriter.append
    monkeypatch.setattr(
        shards.ShardWriter,
        "append",
        lambda self, block, rows: blocks.append(len(block)) or append(self, block, rows),
    )
    monkeypatch.setattr(shards, "BLOCK", 2)
    shards.recut([str(part) for part in parts], tmp_path / "joined", per_shard=3)
    shards.write_shards(tmp_path / "once", pictures, table, per_shard=3)
    assert blocks == [2, 2, 1, 2]
    assert {path.name: path.read_bytes() for path in (tmp_path / "once").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "joined").iterdir()
    }


def test_wanted_pictures_are_spooled_and_digested_as_an_array_is(tmp_path, pictures, table):
    pictures = pictures[:, :, :16]
    shards.write_shards(tmp_path / "set", pictures, table, per_shard=3)
    wanted = np.arange(7) % 2 == 0
    spool = spooled(tmp_path / "set", wanted)
    np.testing.assert_array_equal(np.asarray(spool), pictures[wanted])
    whole = hashlib.sha256(pictures[wanted].tobytes() + b"labels").hexdigest()
    assert content_digest(spool, b"labels") == whole == content_digest(pictures[wanted], b"labels")
    assert spooled(tmp_path / "set", np.zeros(7, bool)).shape == (0, 16, 16, 3)
    assert shards.count_rows(tmp_path / "set") == 7
