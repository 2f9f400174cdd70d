"""Bring what is told of an entry into its run in MLflow, and register its generator where that was released.

A second time changes nothing. What changed is replaced: a contact sheet of a release that is refused by now is gone.
"""

import json
import math
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .facts import NONE, EntryFacts

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import FileInfo
    from mlflow.models import ModelSignature

DIGEST = "avatarflow.facts_digest"
STUDENT = "student_digest"
TAINTED = "tainted"
"""The tag of what goes back to a patient who has withdrawn."""
MODELS = "models"
SIGNATURE = "model_signature.json"
LOADER = "avatarflow.generators.mlflow_model"
"""Opens a registered generator; named and not imported, since it brings torch."""


def show(client: "MlflowClient", run_id: str, facts: EntryFacts, time_ms: int) -> None:
    """Make a run show these facts.

    Parameters
    ----------
    client : MlflowClient
    run_id : str
        The run that those of the entry's jobs are nested in.
    facts : EntryFacts
    time_ms : int
        When the last job ended: metrics are of that time, and newer ones win.
    """
    run = client.get_run(run_id)
    if run.data.tags.get(DIGEST) == facts.digest:
        return
    # first: what is cut short must not be found as released
    client.set_tag(run_id, "decision", NONE)
    metrics = dict.fromkeys(run.data.metrics, math.nan) | {
        key(name): value for name, value in facts.metrics.items()
    }
    for metric, number in metrics.items():
        client.log_metric(run_id, metric, number, timestamp=time_ms, step=0)
    _documents(client, run_id, run.info.artifact_uri, facts)
    _model(client, run_id, run.info.artifact_uri, facts)
    gone = {"config_digest", "certificate_digest", "reasons", "model_gate", TAINTED}
    for name in gone - set(facts.tags):
        if name in run.data.tags:
            client.delete_tag(run_id, name)
    for name, value in facts.tags.items():
        client.set_tag(run_id, name, value)
    client.set_tag(run_id, DIGEST, facts.digest)


def signature_of(certificate: dict[str, Any]) -> "ModelSignature":
    """Return what a released student takes and gives: a condition per column and a seed; pictures of one size."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

    asked = certificate["asked"]
    sample, size = asked["sample"]["student"], int(asked["size_px"])
    steps = sample["steps"] if isinstance(sample["steps"], int) else sample["steps"][-1]
    columns = [ColSpec("string", name) for name in asked["conditions"]]
    return ModelSignature(
        inputs=Schema([*columns, ColSpec("long", "seed")]),
        outputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, size, size, 3))]),
        params=ParamSchema(
            [
                ParamSpec("guidance", "double", float(sample["guidance"][0])),
                ParamSpec("steps", "long", int(steps)),
            ]
        ),
    )


def key(name: str) -> str:
    """Return a name in the characters that MLflow takes."""
    return re.sub(r"[^\w\-. /:]", "_", name)[:250]


def _documents(client: "MlflowClient", run_id: str, uri: str, facts: EntryFacts) -> None:
    """Log the files, and take away those that are not shown any more."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(uri, tracking_uri=client.tracking_uri)
    for old in paths_below(partial(client.list_artifacts, run_id)):
        if old not in facts.files and not old.startswith(f"{MODELS}/"):
            repository.delete_artifacts(old)
    for place, path in facts.files.items():
        folder = Path(place).parent
        client.log_artifact(run_id, str(path), None if folder == Path() else folder.as_posix())
    if facts.student:
        signature = signature_of(dict(facts.certificate)).to_dict()
        client.log_dict(run_id, signature, SIGNATURE)


def paths_below(
    listed: "Callable[[str | None], Iterable[FileInfo]]", folder: str | None = None
) -> Iterator[str]:
    """Yield the paths of all files that a store of artifacts lists, folder by folder."""
    for file in listed(folder):
        if file.is_dir:
            yield from paths_below(listed, file.path)
        else:
            yield file.path


def _model(client: "MlflowClient", run_id: str, uri: str, facts: EntryFacts) -> None:
    """Register the released generator once; one of the same weights that may not be published is taken away."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    versions = [
        version
        for version in client.search_model_versions(f"name = '{facts.name}'")
        if version.run_id == run_id and facts.student and version.tags[STUDENT] == facts.student
        # its files are gone
        if TAINTED not in version.tags
    ]
    place = f"{MODELS}/{facts.student}"
    if facts.model is None:
        for version in versions:
            client.delete_model_version(facts.name, version.version)
        if facts.student and client.list_artifacts(run_id, place):
            get_artifact_repository(uri, tracking_uri=client.tracking_uri).delete_artifacts(place)
        return
    if versions:
        return
    with tempfile.TemporaryDirectory() as folder:
        save_model(facts, Path(folder) / "model")
        client.log_artifacts(run_id, str(Path(folder) / "model"), place)
    if not client.search_registered_models(f"name = '{facts.name}'"):
        client.create_registered_model(
            facts.name, description="Generators that passed their gate and were released."
        )
    kept = ("decision", "version", "commit", "config_digest", "certificate_digest", "model_gate")
    client.create_model_version(
        facts.name,
        f"{uri}/{place}",
        run_id,
        tags={STUDENT: facts.student, **{name: facts.tags[name] for name in kept}},
        description=facts.certificate["model_gate"]["meaning"],
    )


def save_model(facts: EntryFacts, folder: Path) -> None:
    """Write a generator as a model of MLflow: its own files, how to open them, and the signature; no pickle."""
    from importlib.metadata import version

    if facts.model is None:
        raise ValueError("save_model: no released generator; pass one that passed its gate")
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as work:
        # of its own type hints when it is imported, and of an example, which would need the workflow's packages here
        warnings.simplefilter("ignore", UserWarning)
        import mlflow.pyfunc

        data = Path(work) / "student"
        shutil.copytree(facts.model, data / "generator")
        asked = {name: facts.certificate["asked"][name] for name in ("conditions", "size_px")}
        (data / "asked.json").write_text(json.dumps(asked, indent=1, sort_keys=True), "utf-8")
        mlflow.pyfunc.save_model(
            folder,
            loader_module=LOADER,
            data_path=str(data),
            signature=signature_of(dict(facts.certificate)),
            pip_requirements=[f"mlflow=={version('mlflow')}"],
            metadata={"release": facts.name, "certificate": facts.tags["certificate_digest"]},
        )
