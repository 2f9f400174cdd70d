"""`make withdraw`: delete all that goes back to patients who have withdrawn, and write down what was deleted.

What is going to be deleted is written into a journal first. While there is one no run starts, and the
next call goes on with it, so that a withdrawal that was killed ends as one that was not.
"""

import argparse
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from avatarflow.config.file_text import read_config
from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError, command, refuse, start
from avatarflow.core.paths import read_json
from avatarflow.release.signing import Signer, read_signer
from avatarflow.runs.locks import clear_stale
from avatarflow.runs.orphans import cancel_orphans
from avatarflow.runs.tracking import alone

from . import store
from .journal import FOLDER, JOURNAL
from .plan import Plan, make_plan, not_configured, not_searched, without_pool
from .protocol import (
    INTERNAL,
    RERUN,
    is_whole,
    rerun_of,
    waiting,
    with_digest,
    write_private,
    write_signed,
)
from .provenance import STATE, UNSEARCHED, home_of

log = logging.getLogger(__name__)
ALL = "all"
NOT_SEARCHED = (
    "{} is not looked at, and may hold data of patients who have withdrawn: see docs/clinic.md"
)
SNAKEMAKE = Path(".snakemake")


def withdraw(config: dict[str, Any], names: Sequence[str], whole: bool, only_list: bool) -> None:
    """End a withdrawal that was begun, or find, write down and delete what goes back to withdrawn patients.

    Parameters
    ----------
    config : dict
        The checked configuration.
    names : list of str
        Releases to look at.
    whole : bool
        Whether everybody in their pools counts as withdrawn.
    only_list : bool
        Whether to say what would be deleted, and delete nothing.

    Raises
    ------
    AvatarflowError
        If a run is going on, or it cannot be told who may be used. Nothing is then deleted. Also where
        nobody has withdrawn, and there are results of entries that are not configured.
    """
    signer = read_signer(config["signing"])
    refuse_a_run()
    cancel_orphans(Path.cwd())
    if JOURNAL.exists():
        log.info("a withdrawal was begun before; it is ended first")
        if only_list:
            return
        end(config, signer)
    plan = make_plan(config, names, whole)
    if plan is not None:
        for line in lines_of(plan.protocol):
            log.info("%s", line)
        if not only_list:
            begin(plan)
            end(config, signer)
            log.info("now run the same command as always: it makes again what is configured")
        return
    bare = without_pool(names)
    pools = ", ".join(name for name in names if name not in bare)
    log.info("nobody in the pools of %s has withdrawn", pools or "no release")
    for name in bare:
        log.info("releases/%s has no pool in this folder: nobody is looked for", name)
    for entry in not_searched(config):
        log.info("%s", NOT_SEARCHED.format(entry))
    if not only_list:
        every = config["releases"]
        looked_at = [name for name in every if name in names or not _has_patients(every[name])]
        complete(signer, {f"releases/{name}" for name in looked_at})
    if others := not_configured(config):
        found = (
            f"{', '.join(others)} of another configuration, or an earlier name, were not looked at"
        )
        do = "call with the configuration they were made with, or delete their folders in results"
        raise refuse("withdrawal", found, f"{do}, results/state and results/mlflow/artifacts")


def refuse_a_run() -> None:
    """Refuse while a run holds the folder; the lock of one that was killed is removed.

    Raises
    ------
    AvatarflowError
        If there is a lock whose owner may live.
    """
    clear_stale(SNAKEMAKE)
    if any((SNAKEMAKE / "locks").glob("*")):
        found = "a run is going on, or left its lock"
        raise refuse("withdrawal", found, "wait for its end, or call snakemake --unlock")


def begin(plan: Plan) -> None:
    """Write the journal; from now on no run starts.

    Raises
    ------
    AvatarflowError
        If one has started meanwhile. The journal is then gone again.
    """
    write_private(JOURNAL, {"protocol": plan.protocol, "internal": plan.internal})
    try:
        refuse_a_run()
    except AvatarflowError:
        JOURNAL.unlink()
        raise


def end(config: Mapping[str, Any], signer: Signer | None) -> None:
    """Do what the journal says, write the protocol, and remove the journal last; all of it may be done twice."""
    journal = read_json(JOURNAL)
    protocol = with_digest(journal["protocol"])
    for one in protocol["deleted"]:
        Path(one["path"]).unlink(missing_ok=True)
    for entry in protocol["entries"]:
        for home in (Path(home_of(entry)), Path(STATE) / entry, store.ARTIFACTS / entry):
            remove_empty(home)
    uri = config["tracking"]["uri"]
    if store.is_there(uri):
        store.taint(uri, protocol["mlflow"])
    name = protocol["digest"][:16]
    write_private(FOLDER / f"{name}{INTERNAL}", journal["internal"])
    write_signed(FOLDER / f"{name}.json", protocol, signer)
    JOURNAL.unlink()
    log.info("%d files deleted; protocol %s", len(protocol["deleted"]), FOLDER / f"{name}.json")


def remove_empty(folder: Path) -> None:
    """Remove a folder's empty folders, and itself where nothing is left."""
    if folder.is_dir():
        inner = sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True)
        for path in [*inner, folder]:
            if not path.is_symlink() and not any(path.iterdir()):
                path.rmdir()


def complete(signer: Signer | None, looked_at: Collection[str]) -> None:
    """Write the second halves of protocols whose entries were made again, and were looked at now.

    Audits are never looked at; the second half names them.

    Raises
    ------
    AvatarflowError
        If a protocol was changed.
    """
    for path, protocol in waiting():
        if not is_whole(protocol):
            found = "it was changed after it was written"
            raise refuse(f"protocol {path.name}", found, "restore it from your records")
        left = sorted(set(protocol["entries"]) - set(looked_at))
        if releases := [entry for entry in left if entry.startswith("releases/")]:
            log.info("%s: %s not looked at now, so it is not ended", path, ", ".join(releases))
            continue
        second = rerun_of(protocol, left)
        if second is None:
            log.info("%s: what was deleted is not made again yet", path)
        else:
            target = path.with_name(path.stem + RERUN)
            write_signed(target, second, signer)
            log.info("%s: %d files were made again", target, len(second["made_again"]))


def lines_of(protocol: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a withdrawal is about, in counts."""
    size = sum(one["bytes"] for one in protocol["deleted"])
    for entry, part in protocol["entries"].items():
        causes = [f"{n} {cause}" for cause, n in part.get("patients_by_cause", {}).items()]
        causes += ["made of an earlier pool"] if part["earlier_pool"] else []
        causes += [f"through {one}" for one in part["through"]]
        yield f"{entry}: {'; '.join(causes)}; {sum(part['rules'].values())} outputs go back to that"
    yield f"{len(protocol['deleted'])} files, {size / 1e6:.1f} MB"
    runs = [run for found in protocol["mlflow"]["runs"].values() for run in found]
    versions = len(protocol["mlflow"]["model_versions"])
    yield f"MLflow: {len(runs)} runs and {versions} registered generators get a tag"
    if elsewhere := protocol["mlflow"]["elsewhere"]:
        yield f"MLflow: the store was moved; artifacts of {elsewhere} runs lie where it was before"
    for entry, release in protocol["released"].items():
        yield f"{entry} was released (certificate {release['certificate_sha256'][:16]}): it may be out"
    for entry in protocol["also_held_by"]:
        yield f"{entry} holds pictures of them, too, and does not refuse them: see docs/clinic.md"
    for entry in protocol["not_looked_at"]:
        yield (
            NOT_SEARCHED.format(entry)
            if entry.partition("/")[0] in UNSEARCHED
            else f"{entry} is not in this configuration: not looked at"
        )


@command
def main(arguments: Sequence[str]) -> None:
    """Withdraw; the exit status is 2 where something keeps it from being done."""
    parser = argparse.ArgumentParser(prog="avatarflow.withdrawal.command", description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--entry", default=ALL)
    parser.add_argument("--everybody", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args(arguments)
    config = load(read_config(options.config))
    names = chosen(config, options.entry, options.everybody)
    with alone(FOLDER):  # a second one waits, and then finds nothing
        withdraw(config, names, options.everybody, options.list)


def chosen(config: Mapping[str, Any], name: str, whole: bool) -> list[str]:
    """Return the releases to look at: one, or all that have patients.

    Raises
    ------
    AvatarflowError
        If there is none of that name, or everybody is to go of nobody knows what.
    """
    patients = [one for one, entry in config["releases"].items() if _has_patients(entry)]
    if name == ALL and not whole:
        return patients
    if name not in patients:
        known = ", ".join(sorted(patients)) or "none"
        raise refuse(
            "withdraw ENTRY", f"no release of patients of that name; there are {known}", "name one"
        )
    return [name]


def _has_patients(entry: Mapping[str, Any]) -> bool:
    return entry["source"]["generate"] is None


if __name__ == "__main__":
    start(main)
