"""Nothing is ever half-written, and paths start where the configuration says."""

import os

import pytest

from avatarflow.core.paths import data_path, replacing, replacing_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def half_write(writer, target, name, error):
    with writer(target) as path:
        (path / name if path.is_dir() else path).write_text("half")
        raise error


def test_relative_paths_start_at_the_data_root_then_the_environment_then_here(monkeypatch):
    monkeypatch.setenv("AVATARFLOW_DATA", "/environment")
    assert data_path("eyes/a.csv", "/root") == "/root/eyes/a.csv"
    assert data_path("eyes/a.csv", None) == "/environment/eyes/a.csv"
    monkeypatch.delenv("AVATARFLOW_DATA")
    assert data_path("eyes/a.csv", None) == "eyes/a.csv"
    assert data_path("/absolute/a.csv", "/root") == "/absolute/a.csv"


def test_a_file_appears_whole_with_its_folder_and_readable_by_others(tmp_path):
    target = tmp_path / "new" / "deep" / "table.csv"
    with replacing(target) as path:
        assert path.suffix == ".csv"
        assert path.parent == target.parent  # a rename must not cross file systems
        path.write_text("a")
        assert not target.exists()
    assert target.read_text() == "a"
    assert target.stat().st_mode & 0o777 == 0o644
    assert names(target.parent) == ["table.csv"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(error):
        half_write(replacing, target, "", error)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_a_file_that_its_block_took_away_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "table.csv") as path:
        path.unlink()
    assert not names(tmp_path)


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "stale.txt").write_text("old")
    with replacing_folder(target) as path:
        (path / "fresh.txt").write_text("new")
        assert (target / "stale.txt").exists()
    assert names(target) == ["fresh.txt"]
    assert target.stat().st_mode & 0o777 == 0o755
    assert names(tmp_path) == ["model"]


def test_a_failure_leaves_the_old_folder(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old.txt").write_text("old")
    with pytest.raises(ValueError, match="no"):
        half_write(replacing_folder, target, "half.txt", ValueError("no"))
    assert names(target) == ["old.txt"]
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize(("mask", "file", "folder"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700)])
def test_files_follow_the_umask(tmp_path, mask, file, folder):
    before = os.umask(mask)
    try:
        with replacing(tmp_path / "a") as path:
            path.touch()
        with replacing_folder(tmp_path / "b"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == file
    assert (tmp_path / "b").stat().st_mode & 0o777 == folder


def test_a_writer_removes_what_killed_writers_of_its_target_left(tmp_path):
    (tmp_path / ".writing-pool-abc").mkdir()
    (tmp_path / ".writing-pool-abc" / "picture").write_text("a patient")
    (tmp_path / ".writing-pool-def").write_text("a patient")
    (tmp_path / ".writing-other-ghi").write_text("somebody else writes this now")
    with replacing_folder(tmp_path / "pool"):
        pass
    assert names(tmp_path) == [".writing-other-ghi", "pool"]
