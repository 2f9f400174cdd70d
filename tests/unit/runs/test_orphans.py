"""Which Slurm jobs are cancelled, with a made-up squeue and scancel; the real ones are in tests/slurm."""

import os

import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.runs.orphans import cancel_orphans


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A queue in a text file; scancel removes the numbers it is given, unless it is told to be deaf."""
    bin_, queue = tmp_path / "bin", tmp_path / "queue"
    bin_.mkdir()
    (bin_ / "squeue").write_text(f"#!/bin/sh\ncat {queue}\n")
    (bin_ / "scancel").write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/cancelled\n[ -e {tmp_path}/deaf ] && exit 0\n'
        f'for n in "$@"; do sed -i "/^$n|/d" {queue}; done\n'
    )
    for name in ("squeue", "scancel"):
        (bin_ / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    queue.write_text("")
    return queue


def test_only_our_jobs_of_this_folder_are_cancelled(slurm, tmp_path):
    here, other = tmp_path / "run", tmp_path / "run2"
    here.mkdir()
    (tmp_path / "link").symlink_to(here)
    slurm.write_text(
        f"9|avatarflow_a|{here}\n10|avatarflow_a|{tmp_path}/link\n11|avatarflow_b|{other}\n12|mine|{here}\n"
    )
    assert cancel_orphans(here) == ["9", "10"]
    assert (tmp_path / "cancelled").read_text() == "9 10\n"
    assert slurm.read_text() == f"11|avatarflow_b|{other}\n12|mine|{here}\n"


def test_nothing_to_cancel_is_no_call(slurm, tmp_path):
    assert cancel_orphans(tmp_path) == []
    assert not (tmp_path / "cancelled").exists()


def test_a_job_that_does_not_end_stops_the_run(slurm, tmp_path):
    (tmp_path / "deaf").touch()
    slurm.write_text(f"7|avatarflow_a|{tmp_path}\n")
    with pytest.raises(
        AvatarflowError, match=r"Slurm jobs 7: an earlier run of .* left them.*; look at them"
    ):
        cancel_orphans(tmp_path, wait_s=0.6)


def test_without_slurm_there_are_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cancel_orphans(tmp_path) == []


def test_the_profile_names_jobs_by_the_same_prefix(root):
    from avatarflow.runs.orphans import PREFIX

    assert (
        f"\nslurm-jobname-prefix: {PREFIX.removesuffix('_')} #"
        in (root / "profiles/slurm/config.yaml").read_text()
    )
