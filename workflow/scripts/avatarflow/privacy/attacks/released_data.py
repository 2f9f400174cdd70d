"""The attacks that need nothing but released pictures, by name. A new one is a file with `score` and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..neighbours import Rows
from . import attribute, density_ratio, extraction, linkage, nearest
from .interface import Scores
from .verdict import conclude
from .world import World, halves, planted


@dataclass(frozen=True)
class DataAttack:
    """An attack on released data; `secret`: its positive control plants labels that no picture shows."""

    score: Callable[[World], Scores]
    meaning: str
    secret: bool = False


DATA_ATTACKS = {
    "nearest_synthetic": DataAttack(nearest.score, nearest.MEANING),
    "density_ratio": DataAttack(density_ratio.score, density_ratio.MEANING),
    "linkage_fellow_eye": DataAttack(linkage.fellow_eye, linkage.FELLOW_MEANING),
    "linkage_another_visit": DataAttack(linkage.another_visit, linkage.VISIT_MEANING),
    "attribute_inference": DataAttack(attribute.score, attribute.MEANING, secret=True),
    "extraction": DataAttack(extraction.score, extraction.MEANING),
}


def attack_released(world: World, copies: Rows, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every attack on one set of pictures in one view, each with its two controls.

    Parameters
    ----------
    world : World
    copies : (strangers' pictures, c, d)
        Altered copies of the strangers, the leak that the positive control plants.
    settings : mapping
        As for `verdict.conclude`.
    """
    leaks = {secret: planted(world, copies, secret) for secret in {each.secret for each in DATA_ATTACKS.values()}}
    independent = halves(world)
    found = {}
    for name, attack in DATA_ATTACKS.items():
        found[name] = conclude(
            lambda attack=attack: attack.score(world),  # type: ignore[misc]
            lambda attack=attack: attack.score(leaks[attack.secret]),  # type: ignore[misc]
            lambda attack=attack: attack.score(independent),  # type: ignore[misc]
            settings,
        )
        found[name]["meaning"] = attack.meaning
    return found
