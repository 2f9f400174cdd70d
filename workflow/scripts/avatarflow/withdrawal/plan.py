"""What a withdrawal is going to delete, found before anything is touched: files, runs, releases that may be out."""

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from avatarflow import __version__
from avatarflow.core.digest import file_sha256
from avatarflow.core.errors import Problems, noting, refuse
from avatarflow.imaging.shards import shard_files
from avatarflow.intake.fhir.uses import is_given
from avatarflow.runs.closing_lines import DECISIONS
from avatarflow.runs.purging import LEFTOVERS
from avatarflow.runs.records import git_commit

from . import store
from .patients import Gone, everybody, gone_from, pool_digests
from .protocol import FORMAT, NOT_REACHED
from .provenance import (
    MAPS,
    RECORDS,
    RESULTS,
    STATE,
    UNSEARCHED,
    Output,
    Tainted,
    behind,
    follow,
    home_of,
    is_stale,
    read_outputs,
)
from .published import releases_out

REPORT = Path("results/report.html")
"""What `make report` writes: the pages of all entries on one."""
DO_EVERYBODY = "call with ENTRY=<name> EVERYBODY=1 to delete all that goes back to its pool"


@dataclass(frozen=True)
class Plan:
    """What is going to be deleted and written; plain values alone, so that a killed withdrawal finds it again.

    `protocol` is what everybody may see, but for its digest; `internal` is for the site alone.
    """

    protocol: dict[str, Any]
    internal: dict[str, Any]


def make_plan(config: Mapping[str, Any], names: Sequence[str], whole: bool) -> Plan | None:
    """Find all that goes back to patients of the present pools who may not be used now.

    Parameters
    ----------
    config : mapping
        The checked configuration.
    names : list of str
        Releases to look at.
    whole : bool
        Whether everybody in their pools counts as withdrawn, without a look at the originals.

    Returns
    -------
    Plan or None
        None where nobody is there any more who may not be.

    Raises
    ------
    AvatarflowError
        If it cannot be told who is in a pool, or who may be used; all problems at once. Also where MLflow
        alone keeps what was made of an earlier pool, in which a patient may have been, and where a link
        stands in for what would be deleted, or a pool is there without Snakemake's records.
    """
    day = datetime.now(UTC).date().isoformat()
    outputs = read_outputs()
    _refuse_without_records(outputs)
    gone, stale = _look(config, names, outputs, whole)
    found_in = {entry for entry, one in gone.items() if one.causes} | stale
    if whole or not found_in:
        earlier = {f"releases/{name}" for name in names if _is_kept(config, name, outputs)}
        if earlier and not whole:
            where = f"withdrawal from {', '.join(sorted(earlier))}"
            why = "MLflow keeps files of runs before the present pool, and nobody can tell of whom"
            raise refuse(where, why, DO_EVERYBODY)
        stale |= earlier
    entries = sorted(found_in | stale)
    if not entries:
        return None
    tainted = follow(outputs, entries)
    uri = config["tracking"]["uri"]
    found = store.find(uri, tainted.clean_rules) if store.is_there(uri) else dict(store.NOTHING)
    files = _in_order(tainted, map(Path, found.pop("files")))
    if links := sum(path.is_symlink() for path in files):
        seen = f"{links} symbolic links in what would be deleted: what they point to would stay"
        do = f"replace them by what they point to (find {RESULTS} -type l shows them), and call again"
        raise refuse("withdrawal", seen, do)
    told = {entry: releases_out(entry, gone.get(entry), outputs) for entry in tainted.files}
    protocol = {
        "format": FORMAT,
        "reason": store.REASON,
        "day": day,
        "begun_ms": int(time.time() * 1000),
        "version": __version__,
        "commit": git_commit(),
        "entries": {
            entry: {
                **(gone[entry].counts() if entry in gone else {}),
                "earlier_pool": entry in stale,
                "through": [] if entry in entries else _through(entry, tainted, entries),
                "rules": _rules(entry, tainted),
            }
            for entry in tainted.files
        },
        "deleted": [
            {"path": str(path), "bytes": path.stat().st_size, "sha256": file_sha256(path)}
            for path in files
            if path.is_file()
        ],
        "mlflow": found,
        "released": {entry: release for entry, (release, _) in told.items() if release},
        "also_held_by": sorted(_holders(gone, tainted.files)),
        "not_looked_at": sorted([*not_configured(config), *not_searched(config)]),
        "not_reached": list(NOT_REACHED),
    }
    internal = {
        entry: {
            str(person): {
                "cause": cause,
                "role": one.roles[person],
                "pictures": one.pictures[person],
                "risk": told[entry][1].get(person),
            }
            for person, cause in sorted(one.causes.items())
        }
        for entry, one in gone.items()
        if one.causes
    }
    return Plan(protocol, internal)


def _refuse_without_records(outputs: Sequence[Output]) -> None:
    """Refuse where a pool has no records: whose weights another entry started from cannot be told."""
    homes = {f"{home_of(entry)}/" for entry, _ in _pools()}
    bare = [home for home in homes if not any(one.path.startswith(home) for one in outputs)]
    if bare:
        found = f"{len(bare)} pools of which {RECORDS} does not know how they were made"
        do = "put back the folder .snakemake of the runs, or remove all results with make clean"
        raise refuse("withdrawal", found, do)


def _look(
    config: Mapping[str, Any], names: Sequence[str], outputs: Sequence[Output], whole: bool
) -> tuple[dict[str, Gone], set[str]]:
    """Look for those who may not be used, release by release; and for what was made of earlier pools."""
    problems, gone, stale = Problems(), dict[str, Gone](), set[str]()
    day = datetime.now().date().isoformat()
    for name in names:
        entry, home = f"releases/{name}", home_of(f"releases/{name}")
        pool = Path(home) / "pool/pictures"
        with noting(problems):
            if not list(pool.glob("*.parquet")):
                left = [one for one in outputs if one.path.startswith(f"{home}/")]
                if any(Path(one.path).exists() for one in left):
                    if not whole:
                        found = "its pool is gone, and what was made of it is not"
                        raise refuse(f"withdrawal from {entry}", found, DO_EVERYBODY)
                    stale.add(entry)
                continue
            shard_files(pool)
            gone[entry] = (
                everybody(pool)
                if whole
                else gone_from(config["releases"][name], config, pool, day, Path(STATE) / entry)
            )
            if is_stale(outputs, entry):
                stale.add(entry)
    problems.raise_if_any()
    return gone, stale


def _is_kept(config: Mapping[str, Any], name: str, outputs: Sequence[Output]) -> bool:
    """Whether MLflow holds files of earlier pools of a release from which a patient can withdraw."""
    entry, uri = f"releases/{name}", config["tracking"]["uri"]
    settings, pool = config["releases"][name], f"{home_of(entry)}/pool/pictures"
    if not (settings["withdrawn"] or is_given(settings["consent"])) or not store.is_there(uri):
        return False
    is_pool = any(Path(pool).glob("*.parquet"))
    began = [one.started * 1000 for one in outputs if is_pool and one.path == pool]
    clean = follow(outputs, [entry]).clean_rules[entry]
    return store.keeps_earlier(uri, entry, clean, min(began, default=math.inf))


def _in_order(tainted: Tainted, artifacts: Iterable[Path]) -> list[Path]:
    """Return what is deleted, decisions first: a release without its certificate is none."""
    decisions = {
        path.format(map=map_name, name=entry.partition("/")[2])
        for entry in tainted.files
        for map_name, path in DECISIONS.items()
        if entry.startswith(f"{map_name}/")
    }
    files = {*artifacts, *(path for paths in tainted.files.values() for path in paths)}
    for leftover in Path(RESULTS).rglob(LEFTOVERS):
        files |= {leftover} if leftover.is_file() else set(store.below(leftover))
    files |= {REPORT} if REPORT.is_file() else set()
    return sorted(files, key=lambda path: (str(path) not in decisions, str(path)))


def _rules(entry: str, tainted: Tainted) -> dict[str, int]:
    """Return how many outputs of each rule go back to the patients: what a run has to make again."""
    home = f"{home_of(entry)}/"
    return dict(
        sorted(Counter(one.rule for one in tainted.outputs if one.path.startswith(home)).items())
    )


def _through(entry: str, tainted: Tainted, entries: Iterable[str]) -> list[str]:
    """Return the entries that another one has its taint from: their weights or their pictures went into it."""
    home = f"{home_of(entry)}/"
    return [
        source
        for source in entries
        if any(
            one.path.startswith(home)
            for one in behind(list(tainted.outputs), [f"{home_of(source)}/"])
        )
    ]


def _holders(gone: Mapping[str, Gone], planned: Iterable[str]) -> Iterator[str]:
    """Yield the other entries in whose pools the same pictures stand, at the same size."""
    digests = {digest for one in gone.values() for digest in one.digests}
    for entry, pool in _pools():
        if digests and entry not in planned and digests & set(pool_digests(pool)):
            yield entry


def not_configured(config: Mapping[str, Any]) -> list[str]:
    """Return the entries that have results or state and are not in this configuration: nobody looks at them."""
    return sorted(
        {
            f"{map_name}/{folder.name}"
            for map_name in MAPS
            for top in (RESULTS, STATE)
            for folder in Path(top, map_name).glob("*")
            if folder.name not in config[map_name] and any(store.below(folder))
        }
    )


def not_searched(config: Mapping[str, Any]) -> list[str]:
    """Return the entries of reads and tables, configured or there: nobody looks for patients in them."""
    there = {
        (map_name, folder.name)
        for map_name in UNSEARCHED
        for folder in Path(RESULTS, map_name).glob("*")
        if any(store.below(folder))
    }
    asked = {(map_name, name) for map_name in UNSEARCHED for name in config[map_name]}
    return sorted("/".join(one) for one in there | asked)


def without_pool(names: Iterable[str]) -> list[str]:
    """Return the releases that have no pool in this folder: nobody can be found in them."""
    there = {entry for entry, _ in _pools()}
    return [name for name in names if f"releases/{name}" not in there]


def _pools() -> Iterator[tuple[str, Path]]:
    for map_name in MAPS:
        for pool in sorted(Path(RESULTS, map_name).glob("*/pool/pictures")):
            if any(pool.glob("*.parquet")):
                yield f"{map_name}/{pool.parts[2]}", pool
