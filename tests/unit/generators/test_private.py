"""Training with differential privacy: what it costs, what one patient can change, and what an attacker then learns."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import special
from squares import COMPUTE, NETWORK, TINTS, TRAINING, content, squares

from avatarflow.core.differential_privacy import FILE, largest_advantage
from avatarflow.core.errors import AvatarflowError
from avatarflow.generators.diffusion.family import train
from avatarflow.generators.pipeline import load
from avatarflow.generators.settings import Training
from avatarflow.generators.task import TrainingTask
from avatarflow.generators.training import accountant
from avatarflow.generators.training.loop import Draw
from avatarflow.generators.training.private import KEY, Plan, Privacy, PrivateLoop, plan
from avatarflow.runs.context import Step
from avatarflow.runs.state import State

ASKED = {"epsilon": 5.0, "delta": 1e-3, "patients": 4, "views": 3, "clip": 0.5}


def divergences(epsilon: float, noise: float, rate: float, steps: int) -> tuple[float, float]:
    """Hockey-stick divergences of a training, added and removed, by losses on a fine grid: slow and plain."""
    grid, half = 2e-4, 2**17
    edges = np.arange(-half, half + 1) * grid - grid / 2
    delta = []
    for removed in (True, False):
        # loss of an output x: log of the mixture over the normal at 0
        def normal(at: NDArray[np.float64], mean: float) -> NDArray[np.float64]:
            return np.asarray(special.ndtr((at - mean) / noise))

        def output(loss: NDArray[np.float64]) -> NDArray[np.float64]:
            inside = (np.exp(loss) - (1 - rate)) / rate
            at = np.full(len(loss), -np.inf)
            there = inside > 0
            at[there] = noise**2 * np.log(inside[there]) + 0.5
            return at

        if removed:
            at = output(edges)
            below = (1 - rate) * normal(at, 0) + rate * normal(at, 1)
        else:
            below = 1 - normal(output(-edges), 0)
        share = np.diff(below)
        folded = np.fft.irfft(np.fft.rfft(np.fft.ifftshift(share)) ** steps, len(share))
        losses, share = edges[:-1] + grid / 2, np.fft.fftshift(folded)
        above = losses > epsilon
        delta.append(float((share[above] * (1 - np.exp(epsilon - losses[above]))).sum()))
    return delta[0], delta[1]


@pytest.mark.parametrize(
    ("noise", "rate", "steps", "delta"), [(1.0, 256 / 5000, 2000, 1e-4), (2.0, 0.2, 50, 1e-3)]
)
def test_epsilon_equals_that_of_losses_on_a_grid(
    noise: float, rate: float, steps: int, delta: float
) -> None:
    found = accountant.epsilon_of(noise, rate, steps, delta)
    # delta at an epsilon a percent higher is smaller than asked, at one a percent lower it is larger
    assert max(divergences(1.01 * found, noise, rate, steps)) < delta
    assert max(divergences(0.99 * found, noise, rate, steps)) > delta


def test_known_epsilon() -> None:
    """As opacus and dp-accounting 0.6.0 say, 15.12 and 15.10."""
    assert accountant.epsilon_of(1.0, 256 / 5000, 2000, 1e-4) == pytest.approx(15.11, rel=0.002)
    assert accountant.epsilon_of(1.0, 256 / 5000, 0, 1e-4) == 0


def test_noise_keeps_what_was_asked_and_is_not_wasted() -> None:
    planned = plan(Privacy.of(ASKED), 40, 30)
    assert planned.rate == 0.1
    assert 4.9 < planned.epsilon <= 5
    facts = planned.facts()
    assert planned.epsilon <= facts["epsilon"] <= 5  # rounded up
    assert facts["largest_advantage"] == pytest.approx(largest_advantage(5, 1e-3), abs=0.001)
    assert plan(Privacy.of(ASKED), 40, 0).epsilon == 0


class Sum(torch.nn.Module):
    """Twice as many weights as patients: the loss of a patient pulls at his own two, and a little at a neighbour's."""

    def __init__(self, patients: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(patients))
        self.other = torch.nn.Parameter(torch.zeros(patients))

    def forward(self, draw: Draw) -> torch.Tensor:
        """Mean loss of the views."""
        rows = torch.from_numpy(draw.rows)
        strength = 1 + torch.rand(len(rows), generator=draw.noise)
        pulled = 3 * self.weight[rows] + self.weight[rows - 1] + 2 * self.other[rows]
        return -(strength * pulled).mean()


def loop(
    folder: Path, planned: Plan, patients: int, members: int, key: int = 20261201
) -> PrivateLoop:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / KEY).write_text(str(key))
    model = Sum(patients)
    settings = Training.of({"warmup_steps": 0, "ema_decay": 0.0, "batch": 1})
    rows = [np.array([one, one]) for one in range(members)]
    return PrivateLoop(model, model, settings, State(folder, "toy"), rows, planned, folder / KEY)


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return float(torch.cat([one[key] - other[key] for key in one]).norm())


def test_one_patient_moves_the_sum_by_the_norm_of_the_clip(tmp_path: Path) -> None:
    """Over all weights together, also where views repeat a picture, and whatever the others are; without noise."""
    asked = Privacy(8, 1e-3, patients=4, views=5, clip=0.01)
    toy = loop(tmp_path / "short", Plan(asked, 0.5, 1, 0.0, 8.0), 6, 6)
    drawn = np.arange(6)
    whole, _ = toy.clipped_sum(drawn)
    for one in drawn:
        rest, _ = toy.clipped_sum(np.delete(drawn, one))
        assert 0.00999 < distance(whole, rest) <= 0.01 * (1 + 1e-9)
    wide = Plan(Privacy(8, 1e-3, patients=4, views=5, clip=1e3), 0.5, 1, 0.0, 8.0)
    alone, _ = loop(tmp_path / "wide", wide, 6, 6).clipped_sum(drawn[2:3])
    assert 3 < float(alone["weight"].norm()) < 7  # a gradient that is short enough stays as it is


def test_nothing_that_is_drawn_follows_from_the_seed_of_the_config(tmp_path: Path) -> None:
    """Else a patient less gives everybody behind other views, which whoever knows the seed can tell."""
    asked = Privacy(8, 1e-3, patients=4, views=5, clip=1e3)
    planned = Plan(asked, 0.5, 1, 1.0, 8.0)
    toys = [
        loop(tmp_path / name, planned, 6, 6, key)
        for name, key in (("one", 1), ("other", 2), ("again", 1))
    ]
    sums = [toy.clipped_sum(np.arange(6))[0] for toy in toys]
    assert distance(sums[0], sums[1]) > 0.1
    assert distance(sums[0], sums[2]) == 0


def test_a_gradient_that_is_not_finite_counts_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = loop(tmp_path, Plan(Privacy(8, 1e-3, patients=4, clip=0.5), 0.5, 1, 0.0, 8.0), 6, 6)
    rest, _ = toy.clipped_sum(np.delete(np.arange(6), 2))
    plain = toy.objective
    monkeypatch.setattr(
        toy, "objective", lambda draw: plain(draw) * (float("nan") if 2 in draw.rows else 1)
    )
    assert distance(toy.clipped_sum(np.arange(6))[0], rest) == 0


def test_patients_are_drawn_independently(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = loop(tmp_path, Plan(Privacy(8, 1e-3, patients=30), 0.3, 1, 1.0, 8.0), 100, 100)
    drawn = []
    nothing = {key: torch.zeros_like(weight) for key, weight in toy.weights.items()}
    monkeypatch.setattr(toy, "clipped_sum", lambda rows: (drawn.append(rows), (nothing, 0.0))[1])
    for toy.done in range(1000):
        toy.gradient()
    counts = np.array([len(rows) for rows in drawn])
    assert counts.mean() == pytest.approx(30, abs=0.6)
    assert counts.var() == pytest.approx(21, rel=0.2)
    assert np.bincount(np.concatenate(drawn), minlength=100).min() > 240


def advantage(weights: NDArray[np.float32], members: int) -> float:
    """Hits less false alarms of who takes patients with a large weight for members; threshold set on the other half."""
    inside, outside = weights[:members], weights[members:]
    tried = np.sort(weights)
    gains = [(inside[::2] > one).mean() - (outside[::2] > one).mean() for one in tried]
    best = tried[int(np.argmax(gains))]
    return float((inside[1::2] > best).mean() - (outside[1::2] > best).mean())


def recognised(folder: Path, planned: Plan, members: int) -> float:
    """Advantage of who sees every noisy gradient, of patients who each have a weight of their own."""
    toy = loop(folder, planned, 2 * members, members)
    seen = np.zeros(2 * members, np.float32)
    for toy.done in range(planned.steps):
        toy.gradient()
        assert toy.model.weight.grad is not None
        assert toy.model.other.grad is not None
        seen -= 3 * toy.model.weight.grad.numpy() + 2 * toy.model.other.grad.numpy()
    return advantage(seen, members)


def test_learning_by_heart_stays_within_the_bound(tmp_path: Path) -> None:
    """The strongest memory there can be and the strongest attacker, asked of 1,000 who took part or not."""
    members, steps = 500, 12
    planned = plan(Privacy(2.0, 1e-4, patients=250, views=2, clip=1.0), members, steps)
    found = recognised(tmp_path / "private", planned, members)
    exact = max(divergences(0.0, planned.noise, planned.rate, steps))
    assert exact < largest_advantage(2.0, 1e-4)
    spread = 3 * np.sqrt(0.5 / (members / 2))
    assert found <= exact + spread
    # the attack has power: with half of the noise it goes beyond, and without noise everybody is recognised
    halved = replace(planned, noise=planned.noise / 2)
    assert recognised(tmp_path / "halved", halved, members) > exact + spread
    assert recognised(tmp_path / "plain", replace(planned, noise=0.0, steps=2), members) > 0.7


def test_noise_has_the_deviation_of_the_plan(tmp_path: Path) -> None:
    asked = Privacy(1.0, 1e-4, patients=5, views=1, clip=0.2)
    toy = loop(tmp_path, Plan(asked, 0.0, 1, 4.0, 1.0), 40_000, 1)
    loss, norm = toy.gradient()  # nobody is drawn
    noise = toy.model.weight.grad
    assert noise is not None
    assert loss == 0
    assert float(noise.std()) == pytest.approx(4.0 * 0.2 / 5, rel=0.02)
    other = toy.model.other.grad
    assert other is not None
    assert norm == pytest.approx(float(torch.cat([noise, other]).norm()), rel=1e-5)
    assert abs(np.corrcoef(noise, other)[0, 1]) < 0.02


def fit(folder: Path, private: bool = True, name: str = "model", **more: object) -> Path:
    """Fine-tune on squares of twelve patients with two pictures each, with a base trained on nothing but grey."""
    pictures, table = squares()
    table["person"] = np.repeat(np.arange(12), 2)
    base = folder / "base"
    if not base.exists():
        grey = np.random.default_rng(1).integers(120, 136, pictures.shape, np.uint8)
        task = TrainingTask(
            grey, table, TINTS, {**TRAINING, "steps": 1}, COMPUTE, 1, folder / "0", base, network=NETWORK
        )  # fmt: skip
        train(task, Step.null())
    training = {**TRAINING, "differential_privacy": ASKED if private else None, **more}
    task = TrainingTask(
        pictures, table, TINTS, training, COMPUTE, 5, folder / "state", folder / name, base=base, network=NETWORK
    )  # fmt: skip
    train(task, Step.null())
    return folder / name


def test_teacher_says_what_it_cost_and_keeps_the_range_of_its_base(tmp_path: Path) -> None:
    out = fit(tmp_path)
    facts = json.loads((out / FILE).read_bytes())
    assert (facts["patients"], facts["views"], facts["steps"]) == (4, 3, 10)
    assert facts["sampling_rate"] == pytest.approx(4 / 12)
    assert facts["epsilon"] <= facts["asked_epsilon"] == 5
    assert not list(tmp_path.rglob(KEY))  # the key is gone
    plain = fit(tmp_path, False, "plain")
    assert not (plain / FILE).exists()
    folders = (tmp_path / "base", out, plain)
    ranges = [load(each).scheduler.config.clip_sample_range for each in folders]
    assert ranges[0] == ranges[1] < ranges[2]


def test_two_trainings_differ_and_a_killed_one_goes_on_with_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The noise is nobody's to draw again, but for a training that was stopped."""

    class Killed(Exception):
        pass

    gradient, done = PrivateLoop.gradient, []

    def stopping(self: PrivateLoop) -> tuple[float, float]:
        if len(done) == 7:
            raise Killed
        done.append(self.done)
        return gradient(self)

    keys = iter(5 * [7] + [8])
    monkeypatch.setattr(
        "avatarflow.generators.training.private.secrets.randbits", lambda _: next(keys)
    )
    undisturbed = content(fit(tmp_path / "undisturbed"))
    with monkeypatch.context() as patched:
        patched.setattr(PrivateLoop, "gradient", stopping)
        with pytest.raises(Killed):
            fit(tmp_path / "killed")
    keys = iter([8, 8, 8])
    (left,) = (tmp_path / "killed").rglob(KEY)
    assert left.stat().st_mode & 0o077 == 0
    assert content(fit(tmp_path / "killed")) == undisturbed
    assert content(fit(tmp_path / "other")) != undisturbed


def test_the_noise_of_the_training_is_that_of_the_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gradient, noise = PrivateLoop.gradient, []

    def watched(self: PrivateLoop) -> tuple[float, float]:
        monkeypatch.setattr(self, "clipped_sum", lambda _: (_zeros(self), 0.0))
        found = gradient(self)
        grads = torch.cat([weight.grad.ravel() for weight in self.weights.values()])
        noise.append(float(grads.std()))
        return found

    monkeypatch.setattr(PrivateLoop, "gradient", watched)
    facts = json.loads((fit(tmp_path) / FILE).read_bytes())
    deviation = facts["noise_multiplier"] * facts["clip"] / facts["patients"]
    assert len(noise) == facts["steps"]
    assert noise == pytest.approx([deviation] * len(noise), rel=0.05)


def _zeros(toy: PrivateLoop) -> dict[str, torch.Tensor]:
    return {
        key: torch.zeros_like(weight, dtype=torch.float64) for key, weight in toy.weights.items()
    }


def test_what_cannot_be_guaranteed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AvatarflowError) as error:
        plan(Privacy(1.0, 0.1, patients=13), 12, 10)
    assert str(error.value).splitlines() == [
        "differential_privacy.patients: 13 patients a step of 12; ask for 12 at most",
        "differential_privacy.delta: 0.1 for 12 patients, so that one of them may be given away; "
        "set it well below 0.08",
    ]
    pictures, table = squares()
    for rows in (table, table.assign(person=-1)):
        task = TrainingTask(
            pictures, rows, TINTS, {**TRAINING, "differential_privacy": ASKED}, COMPUTE, 5, tmp_path / "state",
            tmp_path / "model", base=tmp_path, network=NETWORK,
        )  # fmt: skip
        with pytest.raises(AvatarflowError, match="some without a patient"):
            train(task, Step.null())
    task = TrainingTask(
        pictures, table, TINTS, {**TRAINING, "differential_privacy": ASKED}, {**COMPUTE, "processes": 2}, 5,
        tmp_path / "state", tmp_path / "model", network=NETWORK,
    )  # fmt: skip
    with pytest.raises(AvatarflowError) as error:
        train(task, Step.null())
    assert "no base, so that the codec" in str(error.value)
    assert "set compute.processes to 1" in str(error.value)
    (tmp_path / FILE).write_text("{}")
    task = TrainingTask(
        pictures, table, TINTS, {**TRAINING, "differential_privacy": ASKED}, COMPUTE, 5, tmp_path / "state",
        tmp_path / "model", base=tmp_path, network=NETWORK,
    )  # fmt: skip
    with pytest.raises(AvatarflowError, match="a base that was itself trained on patients"):
        train(task, Step.null())
    with pytest.raises(AvatarflowError, match="finds no noise for it"):
        accountant.noise_for(0.005, 0.1, 30, 1e-5)
