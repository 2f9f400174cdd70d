"""State folders: whole checkpoints, one identity, one owner."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from avatarflow.core.errors import AvatarflowError
from avatarflow.runs.state import State


def test_gives_back_what_was_saved(tmp_path: Path) -> None:
    State(tmp_path, "a").save({"x": torch.arange(3)}, {"done": 7}, "x.safetensors")
    found = State(tmp_path, "a").load("x.safetensors")
    assert found is not None
    assert (found[0]["x"].tolist(), found[1]) == ([0, 1, 2], {"done": 7})


def test_nothing_saved_is_none(tmp_path: Path) -> None:
    assert State(tmp_path, "a").load("x.safetensors") is None


def test_refuses_the_state_of_another_configuration(tmp_path: Path) -> None:
    State(tmp_path, "a")
    with pytest.raises(AvatarflowError, match="it belongs to the configuration a, not to b"):
        State(tmp_path, "b")


def test_the_newest_writer_fences_off_the_older(tmp_path: Path) -> None:
    older = State(tmp_path, "a")
    older.save({"x": torch.zeros(1)}, {"by": "older"}, "x.safetensors")
    newer = State(tmp_path, "a")
    with pytest.raises(AvatarflowError, match="a newer writer has taken it over"):
        older.save({"x": torch.ones(1)}, {"by": "older, later"}, "x.safetensors")
    found = newer.load("x.safetensors")
    assert found is not None
    assert found[1] == {"by": "older"}
    assert not list(tmp_path.glob(".writing-*"))
    newer.save({"x": torch.ones(1)}, {"by": "newer"}, "x.safetensors")


@pytest.mark.parametrize(
    ("host", "text"), [(socket.gethostname(), "a dead writer"), ("elsewhere", "another host")]
)
def test_a_stale_lease_is_taken_over(tmp_path: Path, host: str, text: str) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    State(tmp_path, "a")
    (tmp_path / "lease.json").write_text(
        json.dumps({"host": host, "pid": ended.pid, "owner": "gone"})
    )
    state = State(tmp_path, "a")
    assert text in state.taken_over()
    state.save({"x": torch.zeros(1)}, {}, "x.safetensors")


def test_a_fresh_folder_has_no_former_owner(tmp_path: Path) -> None:
    assert State(tmp_path, "a").taken_over() == ""
