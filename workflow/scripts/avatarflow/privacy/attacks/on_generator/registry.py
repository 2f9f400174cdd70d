"""The attacks that hold the generator, by name. A new one is a file with `score` and `QUERIES`, and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from avatarflow.core.arrays import Floats, Integers, Mask, Pictures
from avatarflow.generators.attacked import Discriminator, Likelihood
from avatarflow.generators.conditions import Ids
from avatarflow.generators.diffusion.denoiser import Denoiser
from avatarflow.privacy.attacks.conclusion import conclude
from avatarflow.privacy.attacks.interface import Scores
from avatarflow.privacy.attacks.subjects import half_of

from . import discriminator, likelihood, loss, pia, reconstruction, secmi, sima

Attacked = Denoiser | Likelihood | Discriminator
"""An opened generator, by what its family can do: see `generators.interface.open_attacked`."""


@dataclass(frozen=True)
class ModelAttack:
    """An attack on a generator; `queries` are passes of the network per picture, `asks` what a generator must have."""

    score: Callable[[Any, torch.Tensor, torch.Tensor, Integers, int], Floats]
    queries: int
    meaning: str
    asks: str = "denoise"


MODEL_ATTACKS = {
    "loss_threshold": ModelAttack(loss.score, loss.QUERIES, loss.MEANING),
    "sima": ModelAttack(sima.score, sima.QUERIES, sima.MEANING),
    "pia": ModelAttack(pia.score, pia.QUERIES, pia.MEANING),
    "secmi": ModelAttack(secmi.score, secmi.QUERIES, secmi.MEANING),
    "likelihood_threshold": ModelAttack(
        likelihood.score, likelihood.QUERIES, likelihood.MEANING, "likelihood"
    ),
    "reconstruction_loss": ModelAttack(
        reconstruction.score, reconstruction.QUERIES, reconstruction.MEANING, "likelihood"
    ),
    "discriminator_score": ModelAttack(
        discriminator.score, discriminator.QUERIES, discriminator.MEANING, "discriminator"
    ),
}
METHODS = {"likelihood": "terms", "discriminator": "judge"}
"""By which opened generators are told apart."""


def attacks_on(attacked_by: str) -> dict[str, ModelAttack]:
    """Return the attacks on generators of families that are asked this: `families.Abilities.attacked_by`."""
    return {name: each for name, each in MODEL_ATTACKS.items() if each.asks == attacked_by}


def asked_of(generator: Attacked) -> str:
    """Return what an opened generator is asked by attacks."""
    return next((name for name, call in METHODS.items() if hasattr(generator, call)), "denoise")


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


def scores_of(generator: Attacked, known: Known, seed: int) -> dict[str, Floats]:
    """(n,) scores of every attack that it allows, in batches of `compute.micro_batch`."""
    latents, ids = generator.latents(known.pictures), torch.from_numpy(known.ids)
    size = generator.compute.micro_batch
    found: dict[str, Floats] = {}
    for name, attack in attacks_on(asked_of(generator)).items():
        parts = [
            attack.score(
                generator,
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
    generator: Attacked, leaking: Attacked, known: Known, settings: Mapping[str, Any], seed: int
) -> dict[str, dict[str, Any]]:
    """Every attack on a generator, each with its two controls.

    Parameters
    ----------
    generator, leaking : Attacked
        `leaking` is the same one after it was taught half of the non-members (`leaking_generator.plant`): the leak to
        be caught.
    known : Known
    settings : mapping
        As for `conclusion.conclude`.
    """
    non_members = known.where(~known.member)
    half = half_of(non_members.persons, seed)
    plain, planted = scores_of(generator, known, seed), scores_of(leaking, non_members, seed)
    found = {}
    for name, attack in attacks_on(asked_of(generator)).items():
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
