"""Slurm jobs that outlived their Snakemake: a killed run leaves them in the queue, and nobody waits for them any more.

Two jobs must never write the same files, so that a new run in the same working directory cancels them before it submits
any. Training goes on from its checkpoint. Imported while Snakemake parses: standard library only.
"""

import shutil
import subprocess
import time
from pathlib import Path

from avatarflow.core.errors import refuse

PREFIX = "avatarflow_"  # `slurm-jobname-prefix` of profiles/slurm
QUERY_S = 30


def cancel_orphans(workdir: Path, wait_s: float = 120.0) -> list[str]:
    """Cancel the jobs that an earlier run of this working directory left behind, and wait until they are gone.

    To be called by a run that holds Snakemake's lock on the working directory: then no job of this name is anybody's.

    Parameters
    ----------
    workdir : Path
        The working directory; jobs of other directories stay.
    wait_s : float
        How long the jobs may take to end.

    Returns
    -------
    list of str
        Numbers of the jobs that were cancelled; empty where there is no Slurm.

    Raises
    ------
    AvatarflowError
        If a job is still there after `wait_s` seconds: it may still write.
    """
    orphans = _jobs_of(workdir) if shutil.which("squeue") and shutil.which("scancel") else []
    if not orphans:
        return []
    subprocess.run(["scancel", *orphans], capture_output=True, timeout=QUERY_S, check=False)
    ends = time.monotonic() + wait_s
    while left := sorted(set(_jobs_of(workdir)) & set(orphans)):
        if time.monotonic() > ends:
            raise refuse(
                f"Slurm jobs {', '.join(left)}",
                f"an earlier run of {workdir} left them, and they do not end within {wait_s:.0f} s",
                "look at them with squeue --me, and start again when they are gone",
            )
        time.sleep(0.5)
    return orphans


def _jobs_of(workdir: Path) -> list[str]:
    """Our jobs of a working directory that wait, run or are about to end."""
    try:
        listed = subprocess.run(
            ["squeue", "--me", "--noheader", "--format=%A|%j|%Z"],
            capture_output=True, text=True, timeout=QUERY_S, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []  # no controller answers: then none can be submitted either, and state folders have their lease
    here, found = workdir.resolve(), []
    for line in listed.stdout.splitlines():
        number, name, folder = line.split("|", 2)
        if name.startswith(PREFIX) and Path(folder).resolve() == here:
            found.append(number)
    return sorted(set(found), key=int)
