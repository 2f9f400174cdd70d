"""The pages of a reader study: templates and texts of both languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from avatarflow.release.dossier.texts import table
from avatarflow.release.templates import FOLDER, fill

from .fields import Field
from .study import Question, Study

DOCUMENT = "reader_study"
STYLE = FOLDER / DOCUMENT / "style.css"


@dataclass(frozen=True)
class Asked:
    """A question as its page shows it.

    Parameters
    ----------
    number, count : int
        Number of the question in its part, and how many the part has.
    lacking : sequence of str
        Fields that a form left out, and `given`, what it answered beside them.
    """

    question: Question
    fields: Sequence[Field]
    number: int
    count: int
    lacking: Sequence[str] = ()
    given: Mapping[str, str] = field(default_factory=dict)


class Pages:
    """Fills the pages of one study.

    Parameters
    ----------
    study : Study
    machines : bool
        Whether answers are made by machines: every page then says so.
    """

    def __init__(self, study: Study, machines: bool) -> None:
        self.study, self.machines = study, machines

    def fill(self, page: str, language: str, **values: Any) -> str:
        """Return a page in a language."""
        others = [other for other in self.study.languages if other != language]
        return fill(
            f"{DOCUMENT}/{page}.html.j2",
            texts=table(language, DOCUMENT),
            language=language,
            languages={other: table(other, DOCUMENT)["language.name"] for other in others},
            machines=self.machines,
            **values,
        )

    def question(self, language: str, asked: "Asked", code: str) -> str:
        """Return the page of a question, with the reader's code."""
        parts = list(self.study.parts)
        return self.fill(
            "question",
            language,
            question=asked.question,
            groups=[self._group(language, field) for field in asked.fields],
            number=asked.number,
            count=asked.count,
            part_number=parts.index(asked.question.part) + 1,
            part_count=len(parts),
            errors=asked.lacking,
            given=asked.given,
            code=code,
        )

    def _group(self, language: str, asked: Field) -> dict[str, Any]:
        """Return a field with its texts; columns and values that have none are shown as the manifest writes them."""
        texts = table(language, DOCUMENT)
        plain = asked.name.removeprefix("label_").replace("_", " ")
        choices = {
            value: texts.get(f"choice.{asked.name}.{value}")
            or texts.get(f"choice.{value}")
            or value.replace("_", " ")
            for value in asked.choices
        }
        legend = texts.get(f"field.{asked.name}") or texts["field.other"].format(column=plain)
        return {"name": asked.name, "legend": legend, "choices": choices}
