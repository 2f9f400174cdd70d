"""The attacks that hold the generator, by name. A new one is a file with `score` and `QUERIES`, and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from avatarflow.core.arrays import Floats, Integers, Mask, Pictures
from avatarflow.generators.conditions import Ids
from avatarflow.generators.diffusion.denoiser import Denoiser
from avatarflow.privacy.attacks.conclusion import conclude
from avatarflow.privacy.attacks.interface import Scores
from avatarflow.privacy.attacks.subjects import half_of

from . import loss, pia, secmi, sima


@dataclass(frozen=True)
class ModelAttack:
    """An attack on a generator; `queries` are passes of the network per picture."""

    score: Callable[[Denoiser, torch.Tensor, torch.Tensor, Integers, int], Floats]
    queries: int
    meaning: str


MODEL_ATTACKS = {
    "loss_threshold": ModelAttack(loss.score, loss.QUERIES, loss.MEANING),
    "sima": ModelAttack(sima.score, sima.QUERIES, sima.MEANING),
    "pia": ModelAttack(pia.score, pia.QUERIES, pia.MEANING),
    "secmi": ModelAttack(secmi.score, secmi.QUERIES, secmi.MEANING),
}


@dataclass(frozen=True)
class Known:
    """Pictures of members and non-members, and what the attacker knows of them.

    Parameters
    ----------
    pictures : (n, size, size, 3) uint8
    ids : (n,) int64
        Class ids of their labels.
    items, persons : (n,) int64
    member : (n,) bool
    """

    pictures: Pictures
    ids: Ids
    items: Integers
    persons: Integers
    member: Mask

    def where(self, keep: Mask) -> "Known":
        """Some of the pictures."""
        return Known(
            self.pictures[keep],
            self.ids[keep],
            self.items[keep],
            self.persons[keep],
            self.member[keep],
        )


def scores_of(denoiser: Denoiser, known: Known, seed: int) -> dict[str, Floats]:
    """(n,) scores of every attack, in batches of `compute.micro_batch`."""
    latents, ids = denoiser.latents(known.pictures), torch.from_numpy(known.ids)
    size = denoiser.compute.micro_batch
    found: dict[str, Floats] = {}
    for name, attack in MODEL_ATTACKS.items():
        parts = [
            attack.score(
                denoiser,
                latents[at : at + size],
                ids[at : at + size],
                known.items[at : at + size],
                seed,
            )
            for at in range(0, len(latents), size)
        ]
        found[name] = np.concatenate(parts)
    return found


def attack_generator(
    denoiser: Denoiser, leaking: Denoiser, known: Known, settings: Mapping[str, Any], seed: int
) -> dict[str, dict[str, Any]]:
    """Every attack on a generator, each with its two controls.

    Parameters
    ----------
    denoiser : Denoiser
        The generator.
    leaking : Denoiser
        The same one after it was taught half of the non-members (`leaking_generator.plant`): the leak to be caught.
    known : Known
    settings : mapping
        As for `conclusion.conclude`.
    """
    non_members = known.where(~known.member)
    half = half_of(non_members.persons, seed)
    plain, planted = scores_of(denoiser, known, seed), scores_of(leaking, non_members, seed)
    found = {}
    for name, attack in MODEL_ATTACKS.items():
        attack_scores = Scores(plain[name], known.member, known.persons)
        caught = Scores(planted[name], half, non_members.persons)
        left_alone = Scores(plain[name][~known.member], half, non_members.persons)
        found[name] = conclude(
            partial(_given, attack_scores),
            partial(_given, caught),
            partial(_given, left_alone),
            settings,
        )
        found[name] |= {"meaning": attack.meaning, "access": "model", "queries": attack.queries}
    return found


def _given(scores: Scores) -> Scores:
    return scores
