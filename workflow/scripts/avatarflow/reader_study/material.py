"""The material of a study as files: what readers are shown, and, apart from it, what is what."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.digest import config_digest
from avatarflow.core.errors import refuse
from avatarflow.core.paths import replacing, replacing_folder, write_json
from avatarflow.quality.samples import Sample
from avatarflow.runs.context import Step

from .analysis.power import power_statement
from .choose import CLINICAL, PARTS, REAL, SAME_EYE, Chooser
from .encode import check_equal_lengths, encode
from .study import FILE, FORMAT


def make_material(
    name: str,
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    outputs: Mapping[str, str],
    step: Step,
) -> None:
    """Choose and write the pictures of a release's reader study.

    Parameters
    ----------
    name : str
        The release.
    inputs : mapping
        `pool` and `samples` (shards), `decisions` (the student's).
    settings : mapping
        `reader_study` and `conditions` of the entry, and the `seed`.
    outputs : mapping
        `shown`, the folder with the pictures and `study.json`, which is all that the application reads; `key`, the
        table of what is what; `power`, what a study of this size can find out.

    Raises
    ------
    AvatarflowError
        If there are too few pictures, or they are of different sizes.
    """
    where, study = f"config releases.{name}.reader_study", settings["reader_study"]
    seed = settings["seed"] if study["seed"] is None else study["seed"]
    synthetic = accepted(Sample.read(inputs["samples"]), pd.read_parquet(inputs["decisions"]))
    pool = Sample.read(inputs["pool"])
    columns = list(settings["conditions"])
    chooser = Chooser(synthetic, pool, columns, study, where, seed)
    key = chooser.choose()
    if not study["show_real"] and ((key["origin"] == REAL) | key["row"].notna()).any():
        raise RuntimeError("a real picture was chosen without show_real")
    files = {picture: encode(pixels) for picture, pixels in sorted(chooser.pictures.items())}
    check_equal_lengths(files)
    with replacing_folder(outputs["shown"]) as folder:
        for picture, content in files.items():
            (folder / f"{picture}.png").write_bytes(content)
        write_json(folder / FILE, described(name, key, study, settings["conditions"]))
    with replacing(outputs["key"]) as path:
        key.to_parquet(path, index=False)
    counts = counted(key)
    write_json(outputs["power"], power_statement(counts, study))
    for group, count in counts.items():
        step.info("%s: %d questions", group, count)
    if "similarity" in study["parts"] and not (key["sort"] == SAME_EYE).any():
        step.warning("no eye has two photographs: similarity has no pairs of one eye")


def accepted(samples: Sample, decisions: pd.DataFrame) -> Sample:
    """Return the accepted candidates with their risk and matched original.

    Raises
    ------
    AvatarflowError
        If the decisions are of other candidates, or none was accepted.
    """
    if list(samples.table["candidate"]) != list(decisions["candidate"]):
        raise refuse("decisions", "they are of other candidates", "delete them and run again")
    said = {name: decisions[name].to_numpy() for name in ("risk", "matched_original")}
    chosen = Sample(samples.pictures, samples.table.assign(**said)).where(
        decisions["accepted"].to_numpy(bool)
    )
    if not len(chosen.table):
        raise refuse("reader study", "no picture was accepted", "look at the report of the release")
    return chosen


def described(
    name: str, key: pd.DataFrame, study: Mapping[str, Any], conditions: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return what the application may know: questions by their names, in the order of these, and the choices."""
    parts = [
        {
            "part": part,
            "questions": [
                {
                    "question": row.question,
                    "pictures": [row.picture, row.other][: 1 + (part == "similarity")],
                }
                for row in key[key["part"] == part].itertuples()
            ],
        }
        for part in PARTS
        if part in study["parts"]
    ]
    content = {
        "format": FORMAT,
        "name": name,
        "languages": list(study["languages"]),
        "shows_real": bool(study["show_real"]),
        "labels": {column: list(conditions[column]) for column in study["clinical_columns"]}
        if CLINICAL in study["parts"]
        else {},
        "asks_disc": bool(study["ask_disc"]),
        "parts": parts,
    }
    return {**content, "digest": config_digest(content)}


def counted(key: pd.DataFrame) -> dict[str, int]:
    """Return how many questions there are of each part and group."""
    groups = np.where(key["origin"] == REAL, "real", "guidance " + key["guidance"].astype(str))
    groups = np.where(key["sort"].notna(), key["sort"], groups)
    named = [f"{part}, {group}" for part, group in zip(key["part"], groups, strict=True)]
    return dict(sorted(Counter(named).items()))
