"""The training loop of all networks: AdamW, warmup and cosine decay, EMA, checkpoints, exact resume.

Every random number of a step comes from the seed and the step's number, so a run resumed from a checkpoint continues
bit for bit like an undisturbed one.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from avatarflow.core.arrays import Integers
from avatarflow.core.errors import refuse
from avatarflow.core.seeds import generator, integer
from avatarflow.generators.settings import Training
from avatarflow.runs.context import Step
from avatarflow.runs.state import State
from avatarflow.runs.stopping import watching

from .processes import Processes

NAME = "network"
"""Names the metrics, the checkpoint and the random numbers."""


@dataclass(frozen=True)
class Draw:
    """What one step works on: the rows of its batch, its random numbers, and the part that is this process's."""

    rows: Integers
    noise: torch.Generator
    choice: np.random.Generator
    part: slice = field(default_factory=lambda: slice(None))


Objective = Callable[[Draw], torch.Tensor]
"""Mean loss of one step; it runs the model that is trained."""


class Loop:
    """Training of the parameters of `model` that ask for gradients.

    Parameters
    ----------
    model : Module
        Trained in place; holds the averaged (EMA) weights when `run` returns.
    objective : Draw to loss
    items : int
        Training rows; each is seen once per pass, in an order of its own.
    together : Processes
        Those that train the same model, this one among them.
    """

    betas = (0.9, 0.99)
    """Of AdamW: how slowly the means of gradients and of their squares change."""

    def __init__(
        self, model: nn.Module, objective: Objective, items: int, settings: Training, seed: int, state: State,
        together: Processes | None = None,
    ) -> None:  # fmt: skip
        self.together = together or Processes()
        self.part = self.together.share(settings.batch)
        self.own = [self.together.rank] if self.together.rank else []
        self.model, self.objective, self.items = model, objective, items
        self.settings, self.seed, self.state = settings, seed, state
        self.weights = {
            key: value for key, value in model.named_parameters() if value.requires_grad
        }
        self.average = {key: value.detach().clone() for key, value in self.weights.items()}
        self.optimiser = torch.optim.AdamW(
            list(self.weights.values()),
            lr=settings.learning_rate,
            betas=self.betas,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.done = 0

    def run(self, steps: int, step: Step) -> None:
        """Train up to `steps`, from the last checkpoint if there is one.

        Raises
        ------
        AvatarflowError
            On a loss that is not finite (the step is named), or when a newer writer took the state over.
        Stopped
            When a signal asked for it, behind a checkpoint.
        """
        self._restore(step)
        self.model.train()
        saved = began = time.monotonic()
        first = self.done
        with watching() as stop:
            while self.done < steps:
                loss, norm = self._advance(steps)
                self.done += 1
                if self.done % self.settings.log_steps == 0 or self.done == steps:
                    speed = (self.done - first) * self.settings.batch / (time.monotonic() - began)
                    self._report(step, {"loss": loss, "grad_norm": norm, "pictures_s": speed})
                step.progress(self.done, steps, f"{NAME} steps")
                # read once: a later signal has its checkpoint after the next step; and agreed on, since a process that
                # stops alone leaves the others waiting for its share
                asked = self.together.any(stop.asked) and self.done < steps
                if self._due(saved) or self.done == steps or asked:
                    self._save()
                    saved = time.monotonic()
                if asked:
                    raise stop.now(f"behind step {self.done} of {steps} of the {NAME}")
        with torch.no_grad():
            for key, weight in self.weights.items():
                weight.copy_(self.average[key])
        self.model.eval()

    def _due(self, saved: float) -> bool:
        """Return whether it is time for a checkpoint, the last one having been written at `saved`."""
        waited = time.monotonic() - saved > self.settings.checkpoint_s
        return self.done % self.settings.checkpoint_steps == 0 or waited

    def _advance(self, steps: int) -> tuple[float, float]:
        """Take one optimiser step; return its loss and its gradient's norm."""
        settings = self.settings
        for group in self.optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate(self.done, steps, settings)
        self.optimiser.zero_grad(set_to_none=True)
        value, norm = self.gradient()
        self.optimiser.step()
        decay = min(settings.ema_decay, (1 + self.done) / (10 + self.done))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.values()), list(self.weights.values()), 1 - decay
            )
        return value, norm

    def gradient(self) -> tuple[float, float]:
        """Set the gradient of the step; return the loss, and the gradient's norm before it was shortened."""
        # no two processes drop the same activations
        loss = self.loss(self._draw(), *self.own)
        value = self.together.mean(loss.item())
        self.check(value, "loss")
        loss.backward()
        norm = self.clip()
        self.check(norm, "gradient")
        return value, norm

    def loss(self, draw: Draw, *item: int) -> torch.Tensor:
        """Return the mean loss of a batch; what is dropped of the activations depends on the step and `item`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(integer(self.seed, f"{NAME} dropout", self.done, *item))
            return self.objective(draw)

    def clip(self) -> float:
        """Shorten a gradient that is too long; return its norm before."""
        weights = list(self.weights.values())
        return float(nn.utils.clip_grad_norm_(weights, self.settings.clip_norm))

    def _draw(self) -> Draw:
        """Return the batch of the step: rows in the order of their pass, and random numbers of the step's own."""
        place = np.arange(self.done * self.settings.batch, (self.done + 1) * self.settings.batch)
        passes = place // self.items
        orders = {
            turn: generator(self.seed, f"{NAME} order", turn).permutation(self.items)
            for turn in set(passes.tolist())
        }
        rows = np.array(
            [
                orders[turn][at]
                for turn, at in zip(passes.tolist(), place % self.items, strict=True)
            ],
            np.int64,
        )
        noise = torch.Generator().manual_seed(integer(self.seed, f"{NAME} noise", self.done))
        return Draw(rows, noise, generator(self.seed, f"{NAME} choice", self.done), self.part)

    def check(self, value: float, what: str) -> None:
        """Refuse a value that is not finite.

        Raises
        ------
        AvatarflowError
        """
        if not math.isfinite(value):
            raise refuse(
                f"training of the {NAME}", f"{what} is {value} at step {self.done + 1}",
                "lower the learning rate or use precision fp32; the last checkpoint is from before this step",
            )  # fmt: skip

    def _report(self, step: Step, values: dict[str, float]) -> None:
        for key, value in values.items():
            step.metric(f"{NAME}.{key}", value, self.done)

    def _save(self) -> None:
        tensors = {f"weight/{key}": value for key, value in self.weights.items()}
        tensors |= {f"average/{key}": value for key, value in self.average.items()}
        for key, value in self.weights.items():
            for moment in ("exp_avg", "exp_avg_sq"):
                tensors[f"{moment}/{key}"] = self.optimiser.state[value][moment]
        self.state.save(tensors, {"done": self.done}, f"{NAME}.safetensors")

    def _restore(self, step: Step) -> None:
        """Go to the last checkpoint, if there is one; every process to the one that the first has."""
        found = self.state.load(f"{NAME}.safetensors")
        if found is not None:
            tensors, facts = found
            self.done = int(facts["done"])
            with torch.no_grad():
                for key, weight in self.weights.items():
                    weight.copy_(tensors[f"weight/{key}"])
                    self.average[key].copy_(tensors[f"average/{key}"])
                    self._set_moments(
                        weight, tensors[f"exp_avg/{key}"], tensors[f"exp_avg_sq/{key}"]
                    )
            step.info("%s resumed at step %d", NAME, self.done)
        self._follow()

    def _set_moments(self, weight: nn.Parameter, first: torch.Tensor, second: torch.Tensor) -> None:
        moments = {"exp_avg": first.to(weight.device), "exp_avg_sq": second.to(weight.device)}
        # the fused optimiser wants it there
        count = torch.tensor(float(self.done), device=weight.device)
        self.optimiser.state[weight] = {"step": count, **moments}

    def _follow(self) -> None:
        """Bring the other processes to where the first one is."""
        self.done = self.together.number(self.done)
        for key, weight in self.weights.items():
            shared = [weight.data, self.average[key]]
            if self.done:
                if not self.together.first:
                    self._set_moments(
                        weight, torch.zeros_like(weight.data), torch.zeros_like(weight.data)
                    )
                moments = self.optimiser.state[weight]
                shared += [moments["exp_avg"], moments["exp_avg_sq"]]
            self.together.follow(shared)


def rate(done: int, steps: int, settings: Training) -> float:
    """Share of the learning rate at a step: linear warmup, then a half cosine down to `final_rate`."""
    if done < settings.warmup_steps:
        return (done + 1) / settings.warmup_steps
    way = (done - settings.warmup_steps) / max(1, steps - settings.warmup_steps)
    return settings.final_rate + (1 - settings.final_rate) * 0.5 * (
        1 + math.cos(math.pi * min(1.0, way))
    )
