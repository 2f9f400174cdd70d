"""Readers that are machines: they answer through the application with a skill that is known, to try a study out.

They read the key to know what they shall recognise, which no human reader can. All that they make is kept apart from
the answers of people, and says on every page, row and figure that machines made it.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core import seeds

from .analysis.power import expit, mean_rate
from .browser import Browser, Page
from .choose import CLINICAL, NEAREST, ORIGIN, REAL, SAME_EYE, SYNTHETIC, TRUE
from .fields import LABEL, UNSURE

AT_ONCE = 2


@dataclass(frozen=True)
class Skill:
    """How well machine readers recognise synthetic pictures.

    Parameters
    ----------
    synthetic : mapping of guidance scale to float
        Logit with which a typical reader takes a typical synthetic picture for one.
    real : float
        Logit with which a real picture is taken for synthetic.
    reader_sd, picture_sd : float
        Standard deviations between readers and between pictures, in logits.
    clinical : float
        Chance of a right answer to a clinical question.
    """

    synthetic: Mapping[float, float]
    real: float = -1.0
    reader_sd: float = 0.5
    picture_sd: float = 0.5
    clinical: float = 0.9

    @classmethod
    def rising(cls, guidance: list[float], **spread: float) -> "Skill":
        """Return readers who recognise more of what was drawn with more guidance."""
        logits = np.linspace(-0.75, 1.75, len(guidance))
        return cls(dict(zip(sorted(guidance), map(float, logits), strict=True)), **spread)

    def true_rate(self, guidance: float | None) -> float:
        """Return the share of pictures of a scale, or of real ones (None), that all such readers call synthetic."""
        logit = self.real if guidance is None else self.synthetic[guidance]
        return mean_rate(logit, float(np.hypot(self.reader_sd, self.picture_sd)))


class MachineReader:
    """One of them; its answers depend on the seed, its number and the picture, not on the order.

    Parameters
    ----------
    key : DataFrame
        By part and question.
    """

    def __init__(self, number: int, key: pd.DataFrame, skill: Skill, seed: int) -> None:
        self.number, self.skill, self.seed = number, skill, seed
        self.key: dict[str, dict[str, Any]] = {
            f"{row['part']}/{row['question']}": {str(name): value for name, value in row.items()}
            for row in key.to_dict("records")
        }
        # one shift for synthetic and another for real pictures, as of people of different caution
        shifts = self._random("machine reader", number).normal(0, skill.reader_sd, 2)
        self.shift = dict(zip((SYNTHETIC, REAL), shifts, strict=True))

    def take_part(self, address: str, most: int | None = None, code: str = "") -> str:
        """Answer all questions, or so many at most, as a new reader or by a code; return the code.

        Raises
        ------
        RuntimeError
            If the application does not keep an answer.
        """
        browser = Browser(address)
        page = browser.post("/resume", code=code) if code else browser.post("/begin", consent="yes")
        code = code or next(cookie.value or "" for cookie in browser.cookies)
        page, answered = browser.get("/study"), 0
        while "question" in page.hidden and (most is None or answered < most):
            for picture in page.pictures:
                if browser.get(picture).status != 200:
                    raise RuntimeError("a picture is not served")
            page = browser.post("/answer", **page.hidden, **self.answers(page))
            if page.status != 200:
                raise RuntimeError(f"an answer was not kept: {page.status}")
            answered += 1
        return code

    def answers(self, page: Page) -> dict[str, str]:
        """Return what this reader answers to a page."""
        row = self.key.get(page.hidden["question"])
        if row is None:  # an introduction
            return {}
        random = self._random(
            f"machine answer {row['part']}", self.number, int(row["question"][:8], 16)
        )
        if row["part"] == ORIGIN:
            said = {"origin": SYNTHETIC if random.random() < self.chance(row) else REAL}
        elif row["part"] == CLINICAL:
            said = self._clinical(row, page.choices, random)
        else:
            said = {"similarity": self._similarity(row, random)}
        if "confidence" in page.choices:
            said["confidence"] = str(random.integers(1, 6))
        return said

    def chance(self, row: Mapping[str, Any]) -> float:
        """Return with which chance this reader calls a picture synthetic."""
        shift = self._random("picture", int(row["question"][:8], 16)).normal(
            0, self.skill.picture_sd
        )
        is_real = row["origin"] == REAL
        logit = self.skill.real if is_real else self.skill.synthetic[row["guidance"]]
        return float(expit(logit + self.shift[row["origin"]] + shift))

    def _clinical(
        self, row: Mapping[str, Any], choices: Mapping[str, list[str]], random: np.random.Generator
    ) -> dict[str, str]:
        said = {}
        for name, values in choices.items():
            if name.startswith(LABEL):
                right = str(row[TRUE + name.removeprefix(LABEL)])
                wrong = [value for value in values if value not in (right, UNSURE)]
                is_right = random.random() < self.skill.clinical and right in values
                said[name] = right if is_right else str(random.choice(wrong))
            elif name == "disc":
                said[name] = "yes" if random.random() < self.skill.clinical else "no"
        return said

    def _similarity(self, row: Mapping[str, Any], random: np.random.Generator) -> str:
        """Return 5 for one eye and 1 for another, and for nearest pairs less the larger the risk's angle is."""
        middle = {SAME_EYE: 4.5, NEAREST: 4.0}.get(row["sort"], 1.5)
        if row["sort"] == NEAREST:
            risks = sorted(one["risk"] for one in self.key.values() if one["sort"] == NEAREST)
            middle -= 2.5 * risks.index(row["risk"]) / max(len(risks) - 1, 1)
        return str(int(np.clip(round(middle + random.normal(0, 0.7)), 1, 5)))

    def _random(self, purpose: str, *item: int) -> np.random.Generator:
        return seeds.generator(self.seed, purpose, *item)


def let_answer(address: str, readers: list[MachineReader]) -> None:
    """Let machine readers take part, some at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda reader: reader.take_part(address), readers))
