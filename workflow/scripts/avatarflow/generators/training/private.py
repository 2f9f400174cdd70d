"""Training with differential privacy (DP-SGD): one patient, with all pictures, hardly changes the weights.

In each step every patient is drawn with the same probability, independently of the others. The gradient of a patient is
that of the mean loss over some views of the patient's pictures. It is clipped to the norm `clip`, and only then are
patients summed. The sum gets Gaussian noise, and is divided by the expected number of patients and not by the number
drawn.

The views are averaged before the gradient is clipped: each of them for itself would count a patient as often as there
are views (De et al. 2022, arXiv:2204.13650, augmentation multiplicity). A patient's views are one batch, so that the
gradient of a patient is the gradient of a batch, and nothing has to be known of the network.

All random numbers come from a secret key, those of the views too: whoever knew them could tell by the views of others
where in the list of patients somebody is missing.
"""

import json
import math
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from avatarflow.core.arrays import Integers
from avatarflow.core.differential_privacy import FILE, largest_advantage, refuse_large_delta
from avatarflow.core.digest import config_digest
from avatarflow.core.errors import Problems, refuse
from avatarflow.core.secret_files import write_secret
from avatarflow.core.seeds import generator, sequence
from avatarflow.generators.settings import Compute, Settings, Training
from avatarflow.generators.task import TrainingTask
from avatarflow.runs.context import Step
from avatarflow.runs.state import State

from .loop import NAME, Draw, Loop, Objective

KEY = "noise.key"
WHERE = "differential_privacy"
DIGITS = 3
"""Of epsilon and of what it bounds; both are rounded up."""


@dataclass(frozen=True)
class Privacy(Settings):
    """`differential_privacy` of the config."""

    epsilon: float
    delta: float
    patients: int = 16
    views: int = 16
    clip: float = 1.0


@dataclass(frozen=True)
class Plan:
    """A training as the accountant sees it.

    Attributes
    ----------
    rate : float
        Probability with which a patient is drawn in a step.
    noise : float
        Deviation of the noise, in units of `clip`.
    epsilon : float
        What the training costs at `asked.delta`, at most `asked.epsilon`.
    """

    asked: Privacy
    rate: float
    steps: int
    noise: float
    epsilon: float

    def facts(self) -> dict[str, Any]:
        """Return what the certificate says."""
        from . import accountant

        asked = {name: value for name, value in asdict(self.asked).items() if name != "epsilon"}
        epsilon = rounded_up(self.epsilon)
        return asked | {
            "epsilon": epsilon,
            "asked_epsilon": self.asked.epsilon,
            "steps": self.steps,
            "sampling_rate": self.rate,
            "noise_multiplier": self.noise,
            "largest_advantage": min(1.0, rounded_up(largest_advantage(epsilon, self.asked.delta))),
            "accountant": accountant.name(),
        }


def rounded_up(value: float) -> float:
    """Round up to three digits that count.

    >>> rounded_up(4.9941), rounded_up(0.46211), rounded_up(0)
    (5.0, 0.463, 0)
    """
    if value <= 0:
        return value
    places = DIGITS - 1 - math.floor(math.log10(value))
    scale = 10.0**places
    return round(math.ceil(value * scale - 1e-9) / scale, places)


def plan(asked: Privacy, patients: int, steps: int) -> Plan:
    """Return the noise that a training of so many patients and steps needs.

    Raises
    ------
    AvatarflowError
        If there are fewer patients than a step is to see, or delta is not below one in all patients.
    """
    from . import accountant

    with Problems() as problems:
        if asked.patients > patients:
            found = f"{asked.patients} patients a step of {patients}"
            problems.add(f"{WHERE}.patients", found, f"ask for {patients} at most")
        refuse_large_delta(asked.delta, patients, problems)
    rate = asked.patients / patients
    if steps == 0:
        return Plan(asked, rate, 0, 0.0, 0.0)
    noise = accountant.noise_for(asked.epsilon, rate, steps, asked.delta)
    return Plan(asked, rate, steps, noise, accountant.epsilon_of(noise, rate, steps, asked.delta))


def rows_by_patient(table: pd.DataFrame) -> list[Integers]:
    """Return the training rows of each patient: of the column `person`, numbers of this run.

    Raises
    ------
    AvatarflowError
        If a picture is nobody's.
    """
    if "person" not in table.columns or not (table["person"] >= 0).all():
        raise refuse("training pictures", "some without a patient", "name the patient of each")
    whose = table["person"].to_numpy(np.int64)
    rows = np.argsort(whose, kind="stable")
    return np.split(rows, np.flatnonzero(np.diff(whose[rows])) + 1)


class PrivateLoop(Loop):
    """The loop with gradients of patients that are clipped, added up and blurred by noise.

    Parameters
    ----------
    model, objective, settings, state
        As for `Loop`.
    patients : list of (k,)
        The training rows of each patient.
    plan : Plan
    key : path
        The file with the key that all random numbers come from. It is made where it is not there: nobody may be able to
        draw them again. A training that was killed goes on with it; delete it at the end.
    """

    def __init__(
        self, model: nn.Module, objective: Objective, settings: Training, state: State, patients: list[Integers],
        plan: Plan, key: Path,
    ) -> None:  # fmt: skip
        # the key in place of the seed of the config, for whatever the loop draws
        super().__init__(model, objective, sum(map(len, patients)), settings, _key(key), state)
        self.patients, self.plan = patients, plan

    def gradient(self) -> tuple[float, float]:
        """Set the noisy gradient of the step; return the mean loss of the patients drawn, and the gradient's norm."""
        asked = self.plan.asked
        self.check(_norm(self.weights.values()), "weights")
        secret = np.random.Generator(
            np.random.Philox(sequence(self.seed, "private step", self.done))
        )
        drawn = np.flatnonzero(secret.random(len(self.patients)) < self.plan.rate)
        total, loss = self.clipped_sum(drawn)
        for key, weight in self.weights.items():
            noise = torch.from_numpy(secret.standard_normal(tuple(weight.shape)))
            noisy = total[key] + (self.plan.noise * asked.clip * noise).to(weight.device)
            weight.grad = (noisy / asked.patients).to(weight.dtype)
        return loss, _norm(
            weight.grad for weight in self.weights.values() if weight.grad is not None
        )

    def clipped_sum(self, drawn: Integers) -> tuple[dict[str, torch.Tensor], float]:
        """Return the sum of the clipped gradients of some patients, by weight in double precision, and their mean loss.

        A gradient that is not finite counts as none: a refusal would tell of the patient.
        """
        asked = self.plan.asked
        total = {
            key: torch.zeros_like(weight, dtype=torch.float64)
            for key, weight in self.weights.items()
        }
        losses = []
        for patient in drawn.tolist():
            loss = self.loss(self._views(patient), patient)
            found = torch.autograd.grad(loss, list(self.weights.values()), allow_unused=True)
            there = {
                key: one for key, one in zip(self.weights, found, strict=True) if one is not None
            }
            norm = _norm(there.values())
            if not math.isfinite(norm):
                continue
            factor = asked.clip / norm if norm > asked.clip else 1.0
            for key, one in there.items():
                total[key] += factor * one.double()
            losses.append(float(loss.detach()))
        return total, float(np.mean(losses)) if losses else 0.0

    def _views(self, patient: int) -> Draw:
        """Return the batch of a patient in this step: pictures of the patient, each at a noise level of its own."""
        choice = generator(self.seed, f"{NAME} views", self.done, patient)
        rows = choice.choice(self.patients[patient], self.plan.asked.views)
        noise = torch.Generator().manual_seed(int(choice.integers(2**62)))
        return Draw(rows, noise, choice)


def _norm(tensors: Iterable[torch.Tensor]) -> float:
    """Return the norm of some tensors as one vector."""
    return math.sqrt(sum(float(one.detach().double().square().sum()) for one in tensors))


class Private:
    """A training that is asked to guarantee differential privacy.

    Parameters
    ----------
    planned : Plan
    patients : list of (k,)
        The training rows of each patient.
    """

    def __init__(self, planned: Plan, patients: list[Integers]) -> None:
        self.planned, self.patients = planned, patients

    @classmethod
    def of(cls, task: TrainingTask) -> "Private | None":
        """Return what a task asks for; None where it asks for no such guarantee.

        Raises
        ------
        AvatarflowError
            If a picture is nobody's; without a base, since the codec would be taken from the pictures, or with one that
            was trained on patients; with several processes; if the guarantee cannot be given to so many patients.
        """
        training = task.training
        asked = training.get("differential_privacy") if isinstance(training, Mapping) else None
        if not asked:
            return None
        with Problems() as problems:
            if task.base is None:
                found = "no base, so that the codec would tell of single pictures"
                problems.add(WHERE, found, "give a base that holds no personal data")
            elif (Path(task.base) / FILE).is_file():
                found = (
                    "a base that was itself trained on patients, whose budget would not be counted"
                )
                problems.add(WHERE, found, "give a base that holds no personal data")
            if Compute.of(task.compute).processes > 1:
                problems.add(WHERE, "several processes", "set compute.processes to 1")
        patients = rows_by_patient(task.table)
        steps = Training.of(training).steps
        return cls(plan(Privacy.of(asked), len(patients), steps), patients)

    def identity(self) -> dict[str, Any]:
        """Return what decides the weights beside that which every training has."""
        rows = [each.tolist() for each in self.patients]
        return {"differential_privacy": asdict(self.planned), "patients": config_digest(rows)}

    def run(
        self, model: nn.Module, objective: Objective, training: Training, held: State, step: Step
    ) -> dict[str, str]:  # fmt: skip
        """Train a network in place; return the file that says what it cost, as text by name.

        Raises
        ------
        AvatarflowError
            As `Loop.run`.
        """
        asked, facts = self.planned.asked, self.planned.facts()
        step.params({"differential_privacy": facts})
        spent = (facts["epsilon"], asked.delta, self.planned.noise)
        step.info("differential privacy: epsilon %.3g at delta %.3g, noise %.3g", *spent)
        key = held.folder / KEY
        for left in held.folder.parent.glob(f"*/{KEY}"):
            if left != key:  # of a training that was given up
                left.unlink()
        seen = replace(training, batch=asked.patients * asked.views)
        loop = PrivateLoop(model, objective, seen, held, self.patients, self.planned, key)
        loop.run(training.steps, step)
        key.unlink(missing_ok=True)  # whoever has it can take the noise away
        return {FILE: json.dumps(facts, indent=1, sort_keys=True) + "\n"}


def _key(path: Path) -> int:
    """Return the key in a file that only its owner may read; it is made where it is not there."""
    if not path.exists():
        write_secret(path, str(secrets.randbits(128)).encode())
    return int(path.read_text(encoding="ascii"))
