"""The release folder: data, checksums, certificate, card, contact sheet; or certificate and card of a refusal."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.errors import refuse
from avatarflow.core.paths import read_json, replacing_folder
from avatarflow.generators.internal import released
from avatarflow.imaging.shards import write_shards
from avatarflow.imaging.sheet import contact_sheet
from avatarflow.quality.samples import Sample

from .card import card
from .certificate import as_json
from .checksums import write_checksums
from .exports.pictures import Pictures, write_exports
from .signing import Signer

MODEL_FILES = (".safetensors", ".json")
IGNORED = (".snakemake_timestamp",)  # Snakemake's own mark in folders that it made


def write_release(
    outputs: Mapping[str, str],
    certificate: Mapping[str, Any],
    released: Sample,
    conditions: Mapping[str, Sequence[str]],
    settings: Mapping[str, Any],
    model: str | Path | None = None,
    signer: Signer | None = None,
) -> None:
    """Write the release folder anew; whatever lay there before is gone, data of an earlier decision included.

    Equal arguments give equal bytes. Only the certificate's decision lets data in.

    Parameters
    ----------
    outputs : mapping
        Paths in one folder, `release/`: `certificate`, `card`, `checksums`.
    certificate : mapping
        As `certificate.certificate` makes it.
    released : Sample
        Accepted student pictures with the condition columns and, optionally, `guidance`.
    conditions : mapping of str to list of str
    settings : mapping
        `release` of the config: `per_shard`, `sheet_pictures`, `sheet_columns`, `exports` with what they need, and
        what `card.card` takes.
    model : path, optional
        The student's pipeline folder; it goes to `model/` where the data are released and the model gate passes too.
    signer : Signer, optional
        Signs what is released; a refusal is never signed.
    """
    table = public_table(released.table, list(conditions))
    names = {key: Path(path).name for key, path in outputs.items()}
    signer = signer if certificate["decision"] == "pass" else None
    with replacing_folder(Path(outputs["certificate"]).parent) as target:
        (target / names["certificate"]).write_text(as_json(certificate), encoding="utf-8")
        size = (int(released.pictures.shape[1]), int(released.pictures.shape[2]))
        (target / names["card"]).write_text(
            card(certificate, settings, table, conditions, size, signer, is_stock(model)),
            encoding="utf-8",
        )
        if certificate["decision"] == "pass":
            write_shards(target / "data", released.pictures, table, int(settings["per_shard"]))
            sheet = sheet_rows(table, list(conditions), int(settings["sheet_pictures"]))
            captions = [
                " ".join(str(value) for value in row)
                for row in table.loc[sheet, list(conditions)].to_numpy()
            ]
            page = contact_sheet(
                released.pictures[sheet],
                int(settings["sheet_columns"]),
                captions if conditions else None,
            )
            page.save(target / "contact_sheet.png", "PNG")
            if model is not None and certificate["model_gate"]["result"] == "pass":
                copy_model(Path(model), target / "model")
            published = Pictures(table, conditions, released.pictures)
            write_exports(target, certificate, settings, published, signer)
        write_checksums(target, names["checksums"], signer)


def is_stock(model: str | Path | None) -> bool:
    """Return whether a generator's folder is a pipeline that diffusers opens; other families name a class of ours."""
    index = Path(model or "") / "model_index.json"
    return not index.is_file() or str(read_json(index).get("_class_name")).endswith("Pipeline")


def copy_model(model: Path, target: Path) -> None:
    """Copy a pipeline folder that holds weights and settings and nothing else, without its internal parts.

    Raises
    ------
    AvatarflowError
        If a file is neither safetensors nor JSON, or a link, or there is no pipeline.
    """
    files = sorted(
        path for path in model.rglob("*") if not path.is_dir() and path.name not in IGNORED
    )
    strange = [path for path in files if path.suffix not in MODEL_FILES or path.is_symlink()]
    if strange or not (model / "model_index.json").is_file():
        found = (
            f"{len(strange)} files that are neither safetensors nor JSON"
            if strange
            else "no pipeline folder"
        )
        raise refuse("released generator", found, "train the student again")
    for path in released(files, model):
        place = target / path.relative_to(model)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def public_table(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the columns that are released: a running number, the conditions, the guidance.

    Candidate numbers stay in: with the run's seed and a leaked generator they would name the noise a picture was drawn
    from, and with the officer's decisions the original it was compared with. Risks stay in for the same reason.
    """
    public = pd.DataFrame({"picture": np.arange(len(table), dtype=np.int64)})
    for column in columns:
        public[column] = table[column].to_numpy()
    if "guidance" in table.columns:
        public["guidance"] = table["guidance"].to_numpy(dtype=np.float64)
    return public


def sheet_rows(table: pd.DataFrame, columns: Sequence[str], count: int) -> list[int]:
    """Rows for the contact sheet: the first of every condition in equal number, condition after condition."""
    if not columns:
        return list(range(min(count, len(table))))
    groups = [
        rows.index.to_list() for _, rows in table.groupby(list(columns), sort=True, dropna=False)
    ]
    share = max(1, count // max(1, len(groups)))
    return [row for rows in groups for row in rows[:share]]
