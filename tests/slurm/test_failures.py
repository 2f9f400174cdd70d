"""What clusters do to a run: each time it goes on by itself or says why not, and ends in the same bytes."""

import os
import re
import shutil
import signal
import subprocess

import pytest

import project

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(slurm, undisturbed, tmp_path):
    """A run that has everything but its teacher and its release."""
    return slurm.before_finetuning(undisturbed, tmp_path / "run")


def test_a_job_cancelled_from_outside_is_tried_again_and_resumes(slurm, undisturbed, folder):
    process = slurm.start(folder, slurm.TEACHER)
    job, _ = slurm.frozen_in_training(folder)
    subprocess.run(["scancel", job["id"]], check=True)
    said = slurm.finish(process, folder)
    assert f"SLURM-job '{job['id']}' failed, SLURM status is: 'CANCELLED'" in said
    assert "Trying to restart job" in said
    assert "state taken over from" in slurm.logs(folder)
    slurm.same_as_undisturbed(undisturbed, folder)


def test_a_job_out_of_time_is_tried_again_with_more_and_resumes(slurm, undisturbed, folder):
    process = slurm.start(folder, slurm.TEACHER, AVATARFLOW_WARNING_S="0")
    job, _ = slurm.frozen_in_training(folder)  # it hangs, as on a file system that does not answer
    subprocess.run(["scontrol", "update", f"jobid={job['id']}", "timelimit=1"], check=True)
    said = slurm.finish(process, folder)
    assert f"SLURM-job '{job['id']}' failed, SLURM status is: 'TIMEOUT'" in said
    assert "state taken over from" in slurm.logs(folder)
    slurm.same_as_undisturbed(undisturbed, folder)


def test_a_job_near_its_time_limit_is_warned_saves_and_is_tried_again(slurm, undisturbed, folder):
    process = slurm.start(folder, slurm.TEACHER)
    job, _ = slurm.frozen_in_training(folder)
    # less than the warning; with the signal comes SIGCONT, which wakes the process up
    subprocess.run(["scontrol", "update", f"jobid={job['id']}", "timelimit=2"], check=True)
    said = slurm.finish(process, folder)
    # by itself, and not 'TIMEOUT'
    assert f"SLURM-job '{job['id']}' failed, SLURM status is: 'FAILED'" in said
    assert "stopped by SIGTERM behind step" in slurm.logs(folder)
    slurm.same_as_undisturbed(undisturbed, folder)


def test_a_job_out_of_memory_is_tried_again_with_more(slurm, undisturbed, folder, tmp_path):
    profile = tmp_path / "profile"
    shutil.copytree(project.ROOT / "profiles" / "slurm", profile)
    text = (profile / "config.yaml").read_text()
    (profile / "config.yaml").write_text(
        text.replace("finetune: ?saving(6000,", "finetune: ?saving(600,")
    )
    said = slurm.run(folder, slurm.TEACHER, "--profile", str(profile))  # the last one named counts
    first, *more = re.findall(r"SLURM jobid (\d+)", said)
    assert slurm.ended(first)["JobState"] in ("OUT_OF_MEMORY", "FAILED", "CANCELLED")
    assert more
    assert slurm.ended(more[-1])["JobState"] == "COMPLETED"
    slurm.same_as_undisturbed(undisturbed, folder)


def test_a_drained_node_finishes_its_job_and_gets_no_other(slurm, undisturbed, folder):
    process = slurm.start(folder, slurm.TEACHER)
    job, _ = slurm.frozen_in_training(folder)
    subprocess.run(
        ["scontrol", "update", f"nodename={job['node']}", "state=drain", "reason=test"], check=True
    )
    slurm.resume_all(folder)
    said = slurm.finish(process, folder)
    assert "Trying to restart job" not in said
    assert slurm.ended(job["id"])["NodeList"] == job["node"]
    slurm.same_as_undisturbed(undisturbed, folder)
    again = "fingerprint_originals"  # one more job for the same partition
    (later,) = re.findall(
        r"SLURM jobid (\d+)", slurm.run(folder, "-R", again, "--until", again, log="later.log")
    )
    assert slurm.ended(later)["Partition"] == "gpu"
    assert slurm.ended(later)["NodeList"] != job["node"]


def test_a_job_whose_node_dies_runs_elsewhere_and_resumes(slurm, undisturbed, folder):
    process = slurm.start(folder, slurm.TEACHER)
    job, _ = slurm.frozen_in_training(folder)
    os.kill(int((slurm.FOLDER / "run" / f"slurmd.{job['node']}.pid").read_text()), signal.SIGKILL)
    # the node is lost to Slurm, but its process still lives, and wakes up once the job runs again
    again = slurm.wait_until(
        lambda: next((one for one in [slurm.job_of("finetune")] if one and one["node"] != job["node"]), None),
        "the job on another node", 240,
    )  # fmt: skip
    assert again["id"] == job["id"]
    slurm.wait_until(lambda: len(slurm.payloads(folder, "finetune")) > 1, "the second process", 120)
    slurm.resume_all(folder)
    said = slurm.finish(process, folder)
    assert "Trying to restart job" not in said
    slurm.repair_nodes()
    slurm.wait_until(
        lambda: not slurm.payloads(folder, "finetune"), "the end of the first process", 60
    )
    slurm.same_as_undisturbed(undisturbed, folder)


def test_a_killed_snakemake_goes_on_without_a_second_writer(slurm, undisturbed, folder):
    process = slurm.start(folder, slurm.TEACHER)
    job, _ = slurm.frozen_in_training(folder)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert [one["id"] for one in slurm.jobs()] == [job["id"]], (
        "the job must outlive its Snakemake; else this tests nothing"
    )
    said = slurm.run(folder, slurm.TEACHER, log="again.log")
    assert "a killed run left its lock behind" in said
    assert f"a killed run left Slurm jobs behind; cancelled: {job['id']}" in said
    assert "state taken over from" in slurm.logs(folder)
    slurm.same_as_undisturbed(undisturbed, folder)


def test_an_interrupted_snakemake_takes_its_jobs_along(slurm, undisturbed, folder):
    process = slurm.start(folder, slurm.TEACHER)
    job, _ = slurm.frozen_in_training(folder)
    process.send_signal(signal.SIGINT)
    slurm.finish(process, folder, status=1)
    assert slurm.ended(job["id"])["JobState"] == "CANCELLED"
    slurm.run(folder, slurm.TEACHER, log="again.log")
    slurm.same_as_undisturbed(undisturbed, folder)


@pytest.fixture
def small_disk(folder):
    """`results` on a file system of its own that has little room left."""
    results = folder / "results"
    results.rename(folder / "kept")
    results.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", results], check=True)
    subprocess.run(["cp", "-a", f"{folder / 'kept'}/.", results], check=True)
    yield results
    subprocess.run(["umount", "--lazy", results], check=True)


def test_a_full_disk_is_named_and_nothing_is_half_written(slurm, undisturbed, folder, small_disk):
    filler = small_disk / "filler"
    free = os.statvfs(small_disk)
    filler.write_bytes(b"\0" * (free.f_bavail * free.f_frsize - 1_000_000))
    slurm.run(folder, slurm.TEACHER, "--retries", "0", status=1)
    assert "ERROR results: no space left on the disk; free some and start again" in slurm.logs(
        folder
    )
    assert not (folder / slurm.TEACHER).exists()
    assert not list(small_disk.rglob(".writing-*"))
    filler.unlink()
    slurm.run(folder, slurm.TEACHER, log="again.log")
    slurm.same_as_undisturbed(undisturbed, folder)
