"""The rules by name: the cone and those it is compared with."""

from collections.abc import Callable
from dataclasses import dataclass

from avatarflow.core.arrays import Floats

from . import adaptive_ratio, authenticity, cone, correlation, density, distance, neighbour_ratio
from .neighbourhood import Candidates, Originals

CONE = "cone"


@dataclass(frozen=True)
class Rule:
    """One rule: its score (the smaller the riskier), and the threshold its paper sets, where it sets one."""

    title: str
    score: Callable[[Candidates, Originals], Floats]
    published: Callable[[Originals], float] | None = None


RULES: dict[str, Rule] = {
    CONE: Rule("cone of privacy", cone.score),
    "distance": Rule("global distance", distance.score),
    "neighbour_ratio": Rule("nearest neighbour ratio", neighbour_ratio.score),
    "authenticity": Rule("authenticity", authenticity.score, authenticity.published),
    "density": Rule("kNN density ratio", density.score),
    "adaptive_ratio": Rule("adaptive ratio (Carlini)", adaptive_ratio.score),
    "correlation": Rule("correlation threshold (Dar)", correlation.score, correlation.published),
}
