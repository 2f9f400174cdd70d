"""A study as the application knows it: the questions and their pictures, and not which of them are real."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avatarflow.core import seeds
from avatarflow.core.errors import refuse
from avatarflow.core.paths import read_json

FILE, FORMAT = "study.json", 1
INTRODUCTION = "introduction"
"""The question that opens each part: it tells what comes, and has no answer but that it was read."""
NAME = re.compile(r"[0-9a-f]{20}")


@dataclass(frozen=True)
class Question:
    """One page of a study: an introduction, or a question about one picture or two."""

    part: str
    name: str
    pictures: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """Its name in the store, different in each part."""
        return f"{self.part}/{self.name}"


@dataclass(frozen=True)
class Study:
    """All questions by part, and what can be answered."""

    name: str
    digest: str
    languages: tuple[str, ...]
    shows_real: bool
    labels: Mapping[str, tuple[str, ...]]
    asks_disc: bool
    parts: Mapping[str, tuple[Question, ...]]
    folder: Path

    @classmethod
    def read(cls, folder: str | Path) -> "Study":
        """Read the folder with the pictures that are shown.

        Raises
        ------
        AvatarflowError
            If it is not there, is of another version, or lacks a picture.
        """
        file = Path(folder) / FILE
        if not file.is_file():
            do = "make them: snakemake --cores all reader_studies"
            raise refuse("reader study", "its pictures are not there", do)
        content = read_json(file)
        if content.get("format") != FORMAT:
            raise refuse("reader study", "pictures of another version", "make them again")
        parts = {part["part"]: _questions(part) for part in content["parts"]}
        study = cls(
            name=content["name"],
            digest=content["digest"],
            languages=tuple(content["languages"]),
            shows_real=content["shows_real"],
            labels={column: tuple(values) for column, values in content["labels"].items()},
            asks_disc=content["asks_disc"],
            parts=parts,
            folder=Path(folder),
        )
        lacking = [name for name in study.pictures() if not study.file(name).is_file()]
        if lacking:
            raise refuse("reader study", f"{len(lacking)} pictures are missing", "make them again")
        return study

    def pictures(self) -> set[str]:
        """Return the names of all pictures."""
        questions = (question for part in self.parts.values() for question in part)
        return {name for question in questions for name in question.pictures}

    def file(self, name: str) -> Path:
        """Return the file of a picture.

        Raises
        ------
        ValueError
            If the name is none of a picture: it may come from outside.
        """
        if not NAME.fullmatch(name):
            raise ValueError("no name of a picture")
        return self.folder / f"{name}.png"

    def order(self, seed: int) -> list[Question]:
        """Return a reader's own order: the parts as they are, each with its introduction and its shuffled questions."""
        ordered: list[Question] = []
        for part, questions in self.parts.items():
            shuffled = seeds.generator(seed, f"order of {part}").permutation(
                np.arange(len(questions))
            )
            ordered += [Question(part, INTRODUCTION), *(questions[place] for place in shuffled)]
        return ordered


def _questions(part: Mapping[str, Any]) -> tuple[Question, ...]:
    return tuple(
        Question(part["part"], one["question"], tuple(one["pictures"])) for one in part["questions"]
    )
