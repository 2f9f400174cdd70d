"""A lock is cleared only when its owners are dead for certain."""

import json
import os
import subprocess
import sys

from avatarflow.runs.locks import _started, clear_stale


def lock(folder):
    (folder / "locks").mkdir(exist_ok=True)
    (folder / "locks" / "0.input.lock").touch()


def locked(folder):
    return bool(list((folder / "locks").glob("*")))


def register(folder, **owner):
    (folder / "avatarflow-owners").mkdir(exist_ok=True)
    (folder / "avatarflow-owners" / f"{owner['host']}-{owner['pid']}.json").write_text(
        json.dumps(owner)
    )


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_dead_owners_lock_is_cleared(tmp_path):
    lock(tmp_path)
    register(tmp_path, host=os.uname().nodename, pid=dead_pid(), started="boot 1")
    assert clear_stale(tmp_path)
    assert not locked(tmp_path)


def test_a_reused_process_number_counts_as_dead(tmp_path):
    lock(tmp_path)
    register(tmp_path, host=os.uname().nodename, pid=os.getppid(), started="an earlier boot 1")
    assert clear_stale(tmp_path)


def test_a_living_owners_lock_stays_even_beside_dead_ones(tmp_path):
    lock(tmp_path)
    register(tmp_path, host=os.uname().nodename, pid=dead_pid(), started="boot 1")
    register(tmp_path, host=os.uname().nodename, pid=os.getppid(), started=_started(os.getppid()))
    assert not clear_stale(tmp_path)
    assert locked(tmp_path)


def test_a_lock_of_another_machine_or_of_nobody_stays(tmp_path):
    lock(tmp_path)
    assert not clear_stale(tmp_path)
    for mine in (tmp_path / "avatarflow-owners").iterdir():
        mine.unlink()
    register(tmp_path, host="elsewhere", pid=1, started="x")
    assert not clear_stale(tmp_path)
    assert locked(tmp_path)


def test_a_lock_of_another_pid_namespace_stays(tmp_path):
    """A container may have the machine's name; its process numbers mean nothing here."""
    lock(tmp_path)
    register(tmp_path, host=os.uname().nodename, space="1", pid=dead_pid(), started="boot 1")
    assert not clear_stale(tmp_path)
    assert locked(tmp_path)


def test_an_unreadable_owner_counts_as_alive(tmp_path):
    lock(tmp_path)
    (tmp_path / "avatarflow-owners").mkdir()
    (tmp_path / "avatarflow-owners" / "x.json").write_text("{")
    assert not clear_stale(tmp_path)


def test_the_process_registers_itself(tmp_path):
    assert not clear_stale(tmp_path)
    (owner,) = (tmp_path / "avatarflow-owners").glob("*.json")
    assert json.loads(owner.read_text())["pid"] == os.getpid()
