"""The attacks that need nothing but pictures, by name. A new one is a file with `score` and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from avatarflow.core.arrays import Rows
from avatarflow.privacy.attacks.conclusion import conclude
from avatarflow.privacy.attacks.interface import Scores

from . import attribute, density_ratio, extraction, linkage, nearest
from .knowledge import Knowledge, halves, planted


@dataclass(frozen=True)
class DataAttack:
    """An attack on pictures.

    `secret`: its positive control plants labels that no picture shows. `access`: `model` for what only somebody can do
    who draws as many pictures as he likes.
    """

    score: Callable[[Knowledge], Scores]
    meaning: str
    secret: bool = False
    access: str = "data"


DATA_ATTACKS = {
    "nearest_synthetic": DataAttack(nearest.score, nearest.MEANING),
    "density_ratio": DataAttack(density_ratio.score, density_ratio.MEANING),
    "linkage_fellow_eye": DataAttack(
        partial(linkage.score_pairs, same_eye=False), linkage.FELLOW_MEANING
    ),
    "linkage_another_visit": DataAttack(
        partial(linkage.score_pairs, same_eye=True), linkage.VISIT_MEANING
    ),
    "attribute_inference": DataAttack(attribute.score, attribute.MEANING, secret=True),
    "extraction": DataAttack(extraction.score, extraction.MEANING, access="model"),
}


def attack_released(
    knowledge: Knowledge,
    copies: Rows,
    settings: Mapping[str, Any],
    attacks: Mapping[str, DataAttack] = DATA_ATTACKS,
) -> dict[str, dict[str, Any]]:
    """Every attack on one set of pictures in one view, each with its two controls.

    Parameters
    ----------
    knowledge : Knowledge
    copies : (non-members' pictures, c, d)
        Altered copies of the non-members, the leak that the positive control plants.
    settings : mapping
        As for `conclusion.conclude`.
    """
    leaks = {secret: planted(knowledge, copies, secret) for secret in (False, True)}
    independent = halves(knowledge)
    found = {}
    for name, attack in attacks.items():
        plain, leak, apart = (
            partial(attack.score, each) for each in (knowledge, leaks[attack.secret], independent)
        )
        found[name] = conclude(plain, leak, apart, settings)
        found[name] |= {"meaning": attack.meaning, "access": attack.access}
    return found
