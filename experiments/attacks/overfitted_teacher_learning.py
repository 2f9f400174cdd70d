"""The parts of overfitted_teacher.py that learn and attack (torch): eyes, encoder, teachers, student."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import yaml

from avatarflow.config.loading import load
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.diffusion.denoiser import Denoiser
from avatarflow.generators.diffusion.family import sample, train
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.intake.pool import pool_from_manifest
from avatarflow.intake.sources.rows import Place
from avatarflow.intake.sources.withdrawn import IntakeInputs
from avatarflow.privacy.attacks.controls.leaking_generator import plant
from avatarflow.privacy.attacks.on_generator.registry import Known, attack_generator
from avatarflow.privacy.fingerprints.files import save_rows
from avatarflow.privacy.fingerprints.fingerprint import Encoder, embed_altered, fit_encoder
from avatarflow.privacy.perturbations import FAMILIES as ALTERATIONS
from avatarflow.privacy.perturbations import Drawn
from avatarflow.runs.context import Step

Pictures = npt.NDArray[np.uint8]
ROOT = Path(__file__).resolve().parents[2]


def learn(work: Path, asked: dict[str, Any], part: str) -> None:
    """Eyes, the encoder, the overfitted teacher of a part, its pictures as fingerprints, and the attacks on it."""
    torch.set_num_threads(1)
    pictures, table = eyes(work, asked)
    clock = Clock(work)
    encoder = the_encoder(work, asked, pictures, table, clock)
    embed_everyone(work, asked, encoder, pictures, table, clock)
    rows = members(table, part, asked)
    teach(work, part, asked, pictures[rows], labelled(table.iloc[rows], asked), clock)
    draw(work, part, asked, encoder, clock)
    attack(work, part, asked, pictures, table, rows, clock)


def distil(work: Path, asked: dict[str, Any], part: str) -> None:
    """A student of what the cone let pass of the second teacher's pictures."""
    torch.set_num_threads(1)
    pictures, table = eyes(work, asked)
    clock = Clock(work)
    encoder = Encoder.load(work / "encoder.safetensors")
    drawn, labels = read_pictures(work / "many.parquet"), read_table(work / "many.parquet")
    accepted = np.load(work / "many.accepted.npy")
    rows = np.flatnonzero(accepted)
    if not len(rows):
        return
    teach(work, part, asked, drawn[rows], labels.iloc[rows], clock)
    draw(work, part, asked, encoder, clock)
    attack(work, part, asked, pictures, table, members(table, "many", asked), clock)


def eyes(work: Path, asked: dict[str, Any]) -> tuple[Pictures, pd.DataFrame]:
    """One picture a person, and the table of `person`, `part` and the labels; made once."""
    path = work / "eyes.npz"
    if not path.exists():
        pictures, table = real(asked) if asked["real"] else generated(asked)
        table.to_csv(work / "eyes.csv", index=False)
        np.savez(path, pictures=pictures)
    with np.load(path) as file:
        return file["pictures"], pd.read_csv(
            work / "eyes.csv", dtype={"sex": object, "eye_side": object}
        )


def generated(asked: dict[str, Any]) -> tuple[Pictures, pd.DataFrame]:
    """Right eyes of as many persons as all parts need."""
    names = np.repeat(list(asked["persons"]), list(asked["persons"].values()))
    persons = np.arange(len(names))
    pictures, drawn = draw_eyes(
        "fundus", (2 * persons).tolist(), [0] * len(persons), asked["size_px"], asked["population"]
    )
    return pictures, pd.DataFrame({"person": persons, "part": names, "sex": drawn["sex"]})


def real(asked: dict[str, Any]) -> tuple[Pictures, pd.DataFrame]:
    """The first picture of every person of config/fundus.yaml; half train the encoder, a quarter calibrates."""
    config = load(yaml.safe_load((ROOT / "config" / "fundus.yaml").read_text(encoding="utf-8")))
    entry = {**config["releases"]["fundus"], "size_px": asked["size_px"]}
    folder = asked["real"]
    inputs = IntakeInputs(Place(folder, f"{folder}/manifest.csv"))
    pool = pool_from_manifest(entry, inputs, asked["seed"], 1, Step.null())
    first = ~pool.table.duplicated("person").to_numpy()
    table = pool.table[first].sort_values("person")
    order = table.index.to_numpy()
    count = len(order)
    names = np.full(count, "non_member", object)
    names[: count // 2] = "encoder"
    names[count // 2 : count * 3 // 4] = "calibration"
    names[-asked["few_persons"] :] = "member"
    kept = pd.DataFrame(
        {"person": np.arange(count), "part": names, "eye_side": table["eye_side"].to_numpy()}
    )
    return pool.pictures[order], kept


def members(table: pd.DataFrame, part: str, asked: dict[str, Any]) -> npt.NDArray[np.int64]:
    """Rows that a teacher is trained on."""
    rows = np.flatnonzero(table["part"] == "member")
    return rows[: asked["few_persons"]] if part == "few" else rows


def conditions_of(asked: dict[str, Any]) -> Conditions:
    """Sex for generated eyes; the side for real ones, whose sex is not known."""
    return Conditions({"eye_side": ["left", "right"]} if asked["real"] else asked["conditions"])


def labelled(table: pd.DataFrame, asked: dict[str, Any]) -> pd.DataFrame:
    """The label columns alone."""
    return table[list(conditions_of(asked).columns)].reset_index(drop=True)


def the_encoder(
    work: Path, asked: dict[str, Any], pictures: Pictures, table: pd.DataFrame, clock: "Clock"
) -> Encoder:
    """Trained on its own persons."""
    path, seen = work / "encoder.safetensors", (table["part"] == "encoder").to_numpy()
    if not path.exists():
        with clock("encoder"):
            fit_encoder(
                pictures[seen],
                np.flatnonzero(seen),
                asked["encoder"],
                asked["seed"],
                work / "state/encoder",
                Step.null(),
            ).save(path)
    return Encoder.load(path)


def embed_everyone(
    work: Path,
    asked: dict[str, Any],
    encoder: Encoder,
    pictures: Pictures,
    table: pd.DataFrame,
    clock: "Clock",
) -> None:
    """Every picture, and perturbations of the calibration persons and the members, three draws apart by purpose."""
    if (work / "test.safetensors").exists():
        return
    with clock("fingerprints"):
        save_rows(work / "originals.safetensors", encoder.embed(pictures), encoder.digest)
        roles = {
            "own": ("calibration", "member"),
            "calibration": ("calibration",),
            "test": ("member",),
        }
        for purpose, names in roles.items():
            rows = np.flatnonzero(table["part"].isin(names))
            drawn = Drawn(list(ALTERATIONS), asked["draws"], asked["seed"], purpose)
            altered = embed_altered(encoder, pictures[rows], rows, drawn)
            save_rows(work / f"{purpose}.safetensors", altered, encoder.digest)


def teach(
    work: Path,
    part: str,
    asked: dict[str, Any],
    pictures: Pictures,
    table: pd.DataFrame,
    clock: "Clock",
) -> None:
    """One generator, from nothing."""
    if (work / part / "model_index.json").exists():
        return
    with clock(f"training of {part}"):
        train(
            TrainingTask(
                pictures,
                table.reset_index(drop=True),
                conditions_of(asked),
                network=asked["network"],
                training=asked[part],
                compute=asked["compute"],
                seed=asked["seed"],
                state=work / "state" / part,
                out=work / part,
            ),
            Step.null(),
        )


def draw(work: Path, part: str, asked: dict[str, Any], encoder: Encoder, clock: "Clock") -> None:
    """Pictures of a generator, and their fingerprints."""
    if (work / f"{part}.safetensors").exists():
        return
    settings = {**asked["sampling"], "per_condition": asked["sample"][part]}
    with clock(f"sampling of {part}"):
        sample(
            work / part,
            SamplingTask(
                conditions_of(asked),
                sample=settings,
                compute=asked["compute"],
                seed=asked["seed"],
                stage="teacher",
                state=work / "state" / f"sample-{part}",
                out=work / f"{part}.parquet",
            ),
            Step.null(),
        )
        pictures = read_pictures(work / f"{part}.parquet")
        save_rows(work / f"{part}.safetensors", encoder.embed(pictures), encoder.digest)


def attack(
    work: Path, part: str, asked: dict[str, Any], pictures: Pictures, table: pd.DataFrame,
    taught: npt.NDArray[np.int64], clock: "Clock",
) -> None:  # fmt: skip
    """The four attacks on a generator, the members against all non-members, with both controls."""
    path = work / f"{part}.attacks.json"
    if path.exists():
        return
    rows = np.concatenate([taught, np.flatnonzero(table["part"] == "non_member")])
    member = np.isin(rows, taught)
    conditions = conditions_of(asked)
    known = Known(
        pictures[rows], conditions.ids(labelled(table.iloc[rows], asked)), rows, rows, member
    )
    with clock(f"attacks on {part}"):
        settings = {
            **asked,
            "generator": {"family": "diffusion"},
            "attacks": {"positive_control": asked["plant"]},
        }
        state = work / "state" / f"planted-{part}"
        planted = plant(work / part, known, conditions, settings, asked["seed"], state, Step.null())
        denoiser, leaking = (
            Denoiser(each, conditions, asked["compute"]) for each in (work / part, planted)
        )
        found = attack_generator(denoiser, leaking, known, asked["attacks"], asked["seed"])
    path.write_text(json.dumps(found), encoding="utf-8")


class Clock:
    """Wall seconds by what they were spent on, kept in the work folder."""

    def __init__(self, work: Path) -> None:
        self.path = work / "seconds.json"
        self.spent: dict[str, float] = (
            json.loads(self.path.read_text()) if self.path.exists() else {}
        )

    def __call__(self, name: str) -> "Clock":
        """What the seconds that follow are spent on."""
        self.name = name
        return self

    def __enter__(self) -> None:
        self.began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.spent[self.name] = self.spent.get(self.name, 0.0) + time.monotonic() - self.began
        self.path.write_text(json.dumps(self.spent), encoding="utf-8")
