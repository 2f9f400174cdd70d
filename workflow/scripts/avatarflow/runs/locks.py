"""Locks that outlive their owner: `kill -9` leaves Snakemake's lock behind, and the next run is to go on by itself.

Snakemake's lock does not say whose it is. Each main process therefore registers itself; a lock is stale when
every registered process is dead. Imported while Snakemake parses: standard library only.
"""

import json
import os
import socket
from pathlib import Path


def clear_stale(folder: Path) -> bool:
    """Remove a lock whose owners are all dead, and register this process.

    Parameters
    ----------
    folder : Path
        The `.snakemake` folder of the working directory.

    Returns
    -------
    bool
        True if a stale lock was removed. A lock without any registered owner, or with one on another machine, stays.
    """
    owners = folder / "avatarflow-owners"
    owners.mkdir(parents=True, exist_ok=True)
    known = {path: _read(path) for path in owners.glob("*.json")}
    locks = sorted((folder / "locks").glob("*")) if (folder / "locks").is_dir() else []
    dead = {path: owner for path, owner in known.items() if _is_dead(owner)}
    stale = bool(locks) and bool(known) and len(dead) == len(known)
    if stale:
        for lock in locks:
            lock.unlink(missing_ok=True)
    if stale or not locks:
        for path in dead:
            path.unlink(missing_ok=True)
    space = _pid_namespace()
    mine = {
        "host": socket.gethostname(),
        "space": space,
        "pid": os.getpid(),
        "started": _started(os.getpid()),
    }
    target = owners / f"{mine['host']}-{space}-{mine['pid']}.json"
    temporary = target.with_suffix(".tmp")
    temporary.write_text(json.dumps(mine), encoding="utf-8")
    os.replace(temporary, target)
    return stale


def _read(path: Path) -> dict[str, str | int]:
    try:
        owner: dict[str, str | int] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"host": "unknown", "pid": 0, "started": ""}  # counts as alive: never clear on doubt
    return owner


def _is_dead(owner: dict[str, str | int]) -> bool:
    """Dead for certain: on this machine, among the processes seen here, its number gone or a later process's."""
    # a container may have its machine's name and other processes
    here = (socket.gethostname(), _pid_namespace())
    return (owner["host"], owner.get("space", here[1])) == here and _started(
        int(owner["pid"])
    ) != owner["started"]


def _pid_namespace() -> str:
    """Number of the namespace that process numbers belong to; empty where the system has none."""
    try:
        return "".join(filter(str.isdigit, str(Path("/proc/self/ns/pid").readlink())))
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process started, in clock ticks since boot and with the boot's name; empty if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
    state, start = stat.rpartition(")")[2].split()[0], stat.rpartition(")")[2].split()[19]
    return "" if state == "Z" else f"{boot} {start}"  # a zombie holds no lock
