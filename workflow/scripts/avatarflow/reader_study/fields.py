"""What can be answered to a question, and whether a form answers it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from .choose import CLINICAL, ORIGIN, REAL, SYNTHETIC
from .study import INTRODUCTION, Question, Study

UNSURE = "unsure"
LABEL = "label_"
"""Begins the name of a field for a condition column, which may be called anything."""
SCALE = ("1", "2", "3", "4", "5")
MAX_BYTES = 10_000
"""Of a form; the longest has some hundred."""


@dataclass(frozen=True)
class Field:
    """One group of choices, of which one must be taken."""

    name: str
    choices: tuple[str, ...]


def fields_of(study: Study, question: Question) -> list[Field]:
    """Return what is asked about a question, in the order of the page."""
    if question.name == INTRODUCTION:
        return []
    confidence = Field("confidence", SCALE)
    if question.part == CLINICAL:
        fields = [
            Field(LABEL + column, (*values, UNSURE)) for column, values in study.labels.items()
        ]
        disc = [Field("disc", ("yes", "no", UNSURE))] if study.asks_disc else []
        return [*fields, *disc, confidence]
    if question.part == ORIGIN:
        return [Field("origin", (REAL, SYNTHETIC)), confidence]
    return [Field("similarity", SCALE)]


def parse(body: bytes) -> dict[str, str]:
    """Return the fields of an urlencoded form, each once; an empty one where it is none."""
    try:
        parsed = parse_qs(body.decode("ascii"), max_num_fields=50, strict_parsing=False)
    except (UnicodeDecodeError, ValueError):
        return {}
    return {name: values[-1] for name, values in parsed.items()}


def missing(fields: list[Field], form: Mapping[str, str]) -> list[str]:
    """Return the names of the fields that a form does not answer with one of their choices."""
    return [field.name for field in fields if form.get(field.name) not in field.choices]
