"""MLflow: runs and model versions that go back to a withdrawn patient get a tag, and their artifacts are deleted."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from avatarflow.runs.entries.facts import NONE
from avatarflow.runs.entries.shown import DIGEST, TAINTED, paths_below
from avatarflow.runs.tracking import STORE, Target, alone

if TYPE_CHECKING:
    from mlflow.entities import Run

REASON = "withdrawn consent"
NOTHING: Mapping[str, Any] = {"runs": {}, "model_versions": [], "files": [], "elsewhere": 0}
"""What is found where there is no store yet."""
ARTIFACTS = STORE / "artifacts"
KIND, WHOLE, DECISION = "avatarflow.kind", "entry", "decision"


def is_there(uri: str | None) -> bool:
    """Whether there is a store, or files of one: the embedded one is made by the first run that ends."""
    return uri is not None or (STORE / "mlflow.db").is_file() or ARTIFACTS.is_dir()


def find(uri: str | None, clean: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    """List the runs of some entries with their artifacts, and the model versions that they registered.

    Parameters
    ----------
    uri : str or None
        `tracking.uri` of the config.
    clean : mapping
        By entry the rules whose runs go back to nobody. All others count, those of earlier pools too:
        nobody can tell any more who was in them.

    Returns
    -------
    dict
        `runs` by entry, `model_versions`; of the embedded store `files`, which are deleted like
        others, and `elsewhere`, how many runs have their artifacts where the store lay before.
    """
    runs: dict[str, list[dict[str, Any]]] = {}
    versions: list[dict[str, str]] = []
    files: list[str] = []
    elsewhere = 0
    with alone(STORE):
        target = Target(STORE, uri)
        for entry, rules in sorted(clean.items()):
            every = list(_runs(target, entry))
            kept = {run.info.run_id for run in every if run.data.tags.get(KIND) in rules}
            ids = {run.info.run_id for run in every} - kept
            if target.artifacts is not None:
                home = ARTIFACTS / entry
                files += [str(path) for path in below(home) if not kept & set(path.parts)]
                elsewhere += sum(_is_elsewhere(run, home) for run in every)
            for run in every:
                artifacts = [] if target.artifacts else sorted(_artifacts(target, run))
                is_new = artifacts or run.data.tags.get(TAINTED) != REASON
                if run.info.run_id in ids and is_new:
                    one = {"run": run.info.run_id, "artifacts": artifacts}
                    runs.setdefault(entry, []).append(one)
            name = entry.partition("/")[2]
            versions += [
                {"name": name, "version": str(one.version), "run": str(one.run_id)}
                for one in target.client.search_model_versions(f"name = '{name}'")
                if one.run_id in ids and one.tags.get(TAINTED) != REASON
            ]
    return {
        "runs": {entry: sorted(found, key=lambda one: one["run"]) for entry, found in runs.items()},
        "model_versions": sorted(versions, key=lambda one: (one["name"], int(one["version"]))),
        "files": sorted(files),
        "elsewhere": elsewhere,
    }


def keeps_earlier(uri: str | None, entry: str, clean: frozenset[str], before: float) -> bool:
    """Whether there are files of runs, or registered generators, of an entry's earlier pools.

    Parameters
    ----------
    uri : str or None
        `tracking.uri` of the config.
    entry : str
        Such as `releases/eyes`.
    clean : set of str
        The rules whose runs go back to nobody.
    before : float
        When the present pool was begun, in ms since 1970; infinite where there is none.
    """
    with alone(STORE):
        target = Target(STORE, uri)
        every, home = list(_runs(target, entry)), ARTIFACTS / entry
        ids = {run.info.run_id for run in every}
        versions = target.client.search_model_versions(f"name = '{entry.partition('/')[2]}'")
        if any(
            one.run_id in ids
            and one.tags.get(TAINTED) != REASON
            and one.creation_timestamp < before
            for one in versions
        ):
            return True
        if target.artifacts and any(not ids & set(path.parts) for path in below(home)):
            return True  # of a run that nobody knows
        return any(
            _last_told(run) < before and run.data.tags.get(KIND) not in clean
            for run in every
            if any(below(home / run.info.run_id) if target.artifacts else _artifacts(target, run))
        )


def _last_told(run: "Run") -> float:
    """Return when a job began; of the run of a whole entry, which shows the newest, when its last job ended."""
    info = run.info
    is_whole = run.data.tags.get(KIND) == WHOLE
    return float((info.end_time if is_whole else None) or info.start_time)


def taint(uri: str | None, found: Mapping[str, Any]) -> None:
    """Tag what `find` listed, and delete its artifacts; a second time changes nothing."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    with alone(STORE):
        target = Target(STORE, uri)
        client = target.client
        for version in found["model_versions"]:
            client.set_model_version_tag(version["name"], version["version"], TAINTED, REASON)
        for one in (run for runs in found["runs"].values() for run in runs):
            run = client.get_run(one["run"])
            if (
                run.info.lifecycle_stage == "active"
            ):  # of one that a user deleted only files are left
                client.set_tag(one["run"], TAINTED, REASON)
                if DECISION in run.data.tags:
                    client.set_tag(one["run"], DECISION, NONE)
                if DIGEST in run.data.tags:  # the next import shows its entry anew
                    client.delete_tag(one["run"], DIGEST)
            if one["artifacts"]:
                repository = get_artifact_repository(
                    run.info.artifact_uri, tracking_uri=client.tracking_uri
                )
                for path in set(one["artifacts"]) & set(_artifacts(target, run)):
                    repository.delete_artifacts(path)


def _runs(target: Target, entry: str) -> Iterator["Run"]:
    if target.client.get_experiment_by_name(entry) is not None:
        for runs in target.runs(entry).values():
            yield from runs


def _artifacts(target: Target, run: "Run") -> Iterator[str]:
    """Return the paths of a run's files on a server."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(
        run.info.artifact_uri, tracking_uri=target.client.tracking_uri
    )
    return paths_below(repository.list_artifacts)


def _is_elsewhere(run: "Run", home: Path) -> bool:
    """Whether a run of the embedded store has artifacts outside of it: its folder was moved or copied."""
    place = Path(unquote(urlparse(run.info.artifact_uri).path))
    return not place.is_relative_to(home.resolve()) and any(below(place))


def below(folder: Path) -> Iterator[Path]:
    """Yield the files and links below a folder."""
    return (path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())
