"""Contrastive training of the fingerprint: altered views of one eye together, other persons apart.

Every step draws its persons, perturbations and virtual identities from its own seed, so a resumed training equals an
undisturbed one.

References
----------
Khosla et al. 2020, Supervised Contrastive Learning, equation 2 (mean over positives outside the logarithm); with one
positive a picture it is NT-Xent (Chen et al. 2020). Hard negatives: Robinson et al. 2021, Contrastive Learning with
Hard Negative Samples, equation 4 (tau+ = 0). Crops: Caron et al. 2020, Unsupervised Learning of Visual Features by
Contrasting Cluster Assignments, section 3.2, without its lower resolution.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from avatarflow.core import seeds
from avatarflow.core.arrays import Integers
from avatarflow.core.digest import config_digest
from avatarflow.core.errors import refuse
from avatarflow.imaging.spool import Stored, content_digest
from avatarflow.privacy import perturbations
from avatarflow.runs.context import Step
from avatarflow.runs.stopping import watching

from .encoder import Network
from .encoder_checkpoint import Checkpoint

DEFAULTS: dict[str, Any] = {
    "kind": "contrastive",
    "members": 3,
    "size_px": 64,
    "dimensions": 192,
    "width": 32,
    "steps": 500,
    "persons_per_step": 128,
    "temperature": 0.1,
    "learning_rate": 2e-3,
    "weight_decay": 0.05,
    "families": list(perturbations.FAMILIES),
    "families_per_view": 5.0,
    "virtual_share": 0.5,
    "hard_negative_weight": 0.0,
    "crops": 0,
    "shrinkage": 0.5,
    "precision": "auto",
    "checkpoint_steps": 50,
}
EMPHASIS = {
    "occlusion": 2.0,
    "crop": 1.5,
    "shift": 1.5,
    "colour": 1.5,
}  # those that moved fingerprints farthest
REACH = {"noise": 10 / 3, "jpeg": 17 / 9, "blur": 2.0}
"""How far beyond their strongest the quality families go in training: noise of 10 % of full scale, JPEG of quality 10,
blur of 2 % of the side. Keypoints do not survive these, so only the fingerprint can recognise such a copy."""
PART = (0.5, 0.85)  # of the side: what a crop in training shows, if there are any
ORDER = (
    "geometric",
    "occlusion",
    "photometric",
    "quality",
)  # as they befall a picture on its way from eye to file


def contrastive_loss(
    fingerprints: torch.Tensor,
    persons: torch.Tensor,
    eyes: torch.Tensor,
    temperature: float,
    hard_negative_weight: float = 0.0,
) -> torch.Tensor:
    """Supervised contrastive loss in which pictures of one person that are not of one eye count for nothing.

    Parameters
    ----------
    fingerprints : (v, d) float32
        Unit rows, one a view.
    persons, eyes : (v,) int64
        Views with equal `eyes` attract; with equal `persons` only, neither attract nor repel; else they repel.
    temperature : float
        Above 0; the smaller, the more the nearest negatives count.
    hard_negative_weight : float
        Each negative counts exp(weight * cosine) over the mean of that: 0 is all alike, and the more, the more the
        nearest ones (hard negatives) take the place of the far ones.
    """
    # (v, d) -> (v, v)
    cosines = fingerprints @ fingerprints.T
    logits = cosines / temperature
    itself = torch.eye(len(logits), dtype=torch.bool)
    attract = (eyes[:, None] == eyes[None]) & ~itself
    repel = persons[:, None] != persons[None]
    # (v, 1): all negatives of each view
    against = torch.logsumexp(
        (logits + _weights(cosines, repel, hard_negative_weight)).masked_fill(~repel, -torch.inf),
        1,
        True,
    )
    each = torch.logaddexp(logits, against) - logits  # one positive against all negatives
    return ((each * attract).sum(1) / attract.sum(1).clamp_min(1)).mean()


def _weights(
    cosines: torch.Tensor, repel: torch.Tensor, hard_negative_weight: float
) -> torch.Tensor:
    """(v, v) logarithms of the negatives' weights, whose mean over each view's negatives is 1; no gradient."""
    if hard_negative_weight == 0:
        return torch.zeros(())
    drawn = (hard_negative_weight * cosines.detach()).masked_fill(~repel, -torch.inf)
    mean = torch.logsumexp(drawn, 1, keepdim=True) - repel.sum(1, keepdim=True).clamp_min(1).log()
    return torch.where(repel, drawn - mean, 0.0)


class Batches:
    """What each step trains on.

    Parameters
    ----------
    pictures : (n, h, w, 3) uint8
        An array, or a spool: each step reads its own.
    persons, eyes : (n,) int64
        Persons; eyes, -1 where only the person is known (each such picture then attracts its own views only).
    settings : dict
        `persons_per_step`, `families`, `families_per_view`, `virtual_share`, `crops`.
    """

    def __init__(
        self,
        pictures: Stored,
        persons: Integers,
        eyes: Integers,
        settings: dict[str, Any],
        seed: int,
    ) -> None:
        self.pictures, self.persons, self.seed, self.settings = pictures, persons, seed, settings
        unknown = eyes < 0
        self.eyes = np.where(unknown, eyes.max(initial=0) + 1 + np.arange(len(eyes)), eyes)
        self.everyone = np.unique(persons)
        self.rows_of = {int(person): np.flatnonzero(persons == person) for person in self.everyone}

    def step(self, number: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Views (v b, 3, h, w) in [0, 1], their persons and eyes (v b,), of training step `number`; v = 2 + crops."""
        drawn = seeds.generator(self.seed, "encoder-step", number)
        count = min(self.settings["persons_per_step"], len(self.everyone))
        chosen = drawn.choice(self.everyone, count, replace=False)
        first = np.array([drawn.choice(self.rows_of[int(person)]) for person in chosen])
        same_eye = [
            self.rows_of[int(p)][self.eyes[self.rows_of[int(p)]] == self.eyes[r]]
            for p, r in zip(chosen, first, strict=True)
        ]
        second = np.array([drawn.choice(rows) for rows in same_eye])
        virtual = drawn.random(count) < self.settings["virtual_share"]
        crops = self.settings["crops"]
        shown = [self._identity(rows, virtual, number) for rows in (first, second)]
        shown += [self._part(shown[place % 2], number, place) for place in range(crops)]
        views = [self._view(batch, number, side) for side, batch in enumerate(shown)]
        identities = torch.from_numpy(np.arange(count)).repeat(2 + crops)
        # 2 + crops times (b, 3, h, w) -> (v b, 3, h, w)
        return torch.cat(views), identities, identities

    def _part(self, batch: torch.Tensor, number: int, place: int) -> torch.Tensor:
        """Return a part of each picture, smaller than any family leaves, enlarged to full size."""
        drawn = seeds.generator(self.seed, "encoder-part", number, place)
        side = torch.from_numpy(drawn.uniform(*PART, len(batch)).astype(np.float32))
        at = (
            torch.from_numpy(drawn.uniform(-1, 1, (len(batch), 2)).astype(np.float32))
            * (1 - side)[:, None]
        )
        return perturbations.cut(batch, side, at)

    def _identity(
        self, rows: Integers, virtual: npt.NDArray[np.bool_], number: int
    ) -> torch.Tensor:
        """Pictures, some of them made into eyes nobody has: upside down, mirrored or warped beyond any family.

        There are few real persons; eyes that differ from real ones in the course of their vessels alone teach the
        network to look at those.
        """
        batch = perturbations.to_batch(self.pictures[rows])
        each = [
            seeds.generator(self.seed, "encoder-identity", number, place)
            for place in range(len(rows))
        ]
        upside_down = torch.tensor([g.random() < 0.5 for g in each]) & torch.from_numpy(virtual)
        batch = torch.where(upside_down[:, None, None, None], batch.flip(2), batch)
        size = torch.from_numpy(np.where(virtual, 0.05, 0.0).astype(np.float32))
        return perturbations.warp(batch, size, each, 4)

    def _view(self, batch: torch.Tensor, number: int, side: int) -> torch.Tensor:
        """Return one altered view a picture: some families each, in the order in which they befall pictures."""
        each = [
            seeds.generator(self.seed, "encoder-view", number, side, place)
            for place in range(len(batch))
        ]
        names = [
            name
            for kind in ORDER
            for name in self.settings["families"]
            if perturbations.FAMILIES[name].kind == kind
        ]
        weights = np.array([EMPHASIS.get(name, 1.0) for name in names])
        chances = self.settings["families_per_view"] * weights / weights.sum()
        # (b, families)
        wanted = np.stack([g.random(len(names)) < chances for g in each])
        for column, name in enumerate(names):
            rows = np.flatnonzero(wanted[:, column])
            if len(rows):
                generators = [each[row] for row in rows]
                strengths = torch.tensor(
                    [g.random() ** 0.5 for g in generators], dtype=torch.float32
                ) * REACH.get(name, 1.0)  # strong ones more
                batch[rows] = perturbations.FAMILIES[name].apply(batch[rows], strengths, generators)
        return batch


def train(
    build: Callable[[dict[str, Any]], Network],
    pictures: Stored,
    persons: Integers,
    eyes: Integers,
    settings: dict[str, Any],
    state: Path,
    step: Step,
) -> Network:
    """Train a network, from the last checkpoint of the same training if there is one; see `fingerprint.fit_encoder`."""
    seed, apart = settings["seed"], ("seed", "kind", "members")
    settings = {name: value for name, value in settings.items() if name not in apart}
    if len(np.unique(persons)) < 2:
        raise refuse(
            "fingerprint",
            "encoder pictures of fewer than two persons",
            "give the encoder more persons",
        )
    for name in settings["families"]:
        perturbations.family(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.integer(seed, "encoder-weights"))
        network = build(settings)
    network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(
        network.parameters(), settings["learning_rate"], weight_decay=settings["weight_decay"]
    )
    belongs = config_digest(
        [
            settings,
            REACH,
            seed,
            content_digest(pictures),
            persons.tolist(),
            eyes.tolist(),
        ]
    )
    checkpoint = Checkpoint(state, belongs)
    if former := checkpoint.state.taken_over():
        step.info("state taken over from %s", former)
    start = checkpoint.load(network, optimiser)
    if start:
        step.info("continuing the encoder's training after step %d", start)
    _run(
        network,
        optimiser,
        Batches(pictures, persons, eyes, settings, seed),
        settings,
        checkpoint,
        start,
        step,
    )
    return network


def _run(
    network: Network, optimiser: torch.optim.Optimizer, batches: Batches, settings: dict[str, Any],
    checkpoint: Checkpoint, start: int, step: Step,
) -> None:  # fmt: skip
    """The steps from `start` on; a signal stops them behind a checkpoint."""
    steps = settings["steps"]
    with watching() as stop:
        for number in range(start, steps):
            loss = _train_step(network, optimiser, batches, settings, number)
            if not np.isfinite(loss):
                raise refuse(
                    "fingerprint",
                    f"the loss is {loss} at step {number}",
                    "lower fingerprint.learning_rate",
                )
            done = number + 1
            step.metric("loss", loss, number)
            step.progress(done, steps, "encoder steps")
            asked = stop.asked and done < steps
            if done % settings["checkpoint_steps"] == 0 or done == steps or asked:
                checkpoint.save(network, optimiser, done)
            if asked:
                raise stop.now(f"behind step {done} of {steps} of the encoder")


def _train_step(
    network: Network,
    optimiser: torch.optim.Optimizer,
    batches: Batches,
    settings: dict[str, Any],
    number: int,
) -> float:
    views, persons, eyes = batches.step(number)
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(number, settings["steps"], settings["learning_rate"])
    with torch.autocast("cpu", torch.bfloat16, enabled=settings["precision"] == "bfloat16"):
        fingerprints = network(views)
    loss = contrastive_loss(
        fingerprints, persons, eyes, settings["temperature"], settings["hard_negative_weight"]
    )
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return float(loss.detach())


def learning_rate(step: int, steps: int, highest: float) -> float:
    """Warm-up over the first tenth, then a cosine to zero."""
    warm = max(1, steps // 10)
    if step < warm:
        return highest * (step + 1) / warm
    return highest * 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(1, steps - warm))))
