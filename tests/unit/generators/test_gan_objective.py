"""The loss of the family gan against losses and gradients that are worked out in other ways, and its augmentation."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from avatarflow.generators import codec as codecs
from avatarflow.generators.gan.augmentation import (
    ALTERATIONS,
    NUMBERS,
    augment,
    colour,
    cutout,
    translation,
)
from avatarflow.generators.gan.network import build
from avatarflow.generators.gan.objective import Adversaries, relativistic
from avatarflow.generators.gan.settings import Gan
from avatarflow.generators.settings import Network

SMALL = Network(channels=(4, 6), latent_channels=3)
PENALTY = 0.7


@pytest.fixture
def adversaries():
    """Both networks in 64 bits on 8 x 8 pictures, every weight away from zero."""
    generator, discriminator = build(SMALL, Gan(latent_values=3), 8, 3, 1, seed=1)
    both = Adversaries(
        generator, discriminator, codecs.pixel(), PENALTY, tuple(ALTERATIONS)
    ).double()
    with torch.no_grad():
        for each in (*generator.parameters(), *discriminator.parameters()):
            each += 0.1 * torch.randn(
                each.shape, generator=torch.Generator().manual_seed(each.numel())
            )
    return both


@pytest.fixture
def batch():
    random = torch.Generator().manual_seed(2)
    latents = torch.randn(3, 3, 8, 8, generator=random).double()
    numbers = torch.rand(3, NUMBERS, generator=random).double()
    return latents, torch.tensor([0, 1, 0]), torch.randn(3, 3, generator=random).double(), numbers


@pytest.mark.parametrize("margin", [-3.0, 0.0, 2.5])
def test_the_relativistic_loss_at_known_values(margin):
    known = math.log(1 + math.exp(-margin))
    assert float(relativistic(torch.tensor([margin, margin]))) == pytest.approx(known)
    assert float(relativistic(torch.tensor([margin, 0.0]))) == pytest.approx(
        (known + math.log(2)) / 2
    )


def plain(adversaries, batch):
    """Both losses written out one after the other, without the terms that have no gradient for their network."""
    latents, ids, noise, numbers = batch
    judge = adversaries.discriminator
    real = augment(codecs.decode(adversaries.codec, latents), numbers, tuple(ALTERATIONS))
    made = codecs.decoded(adversaries.codec, adversaries.generator(noise, ids))
    made = augment(made, numbers, tuple(ALTERATIONS))
    of_generator = functional.softplus(judge(real, ids) - judge(made, ids)).mean()
    made = made.detach()
    of_discriminator = functional.softplus(judge(made, ids) - judge(real, ids)).mean()
    return of_generator, of_discriminator, real, made


def squared_slopes(judge, pictures, ids, step=1e-5):
    """Mean squared gradient of the score of each picture, by central differences, pixel by pixel."""
    total = 0.0
    for picture, one in zip(pictures, ids, strict=True):
        shifts = step * torch.eye(picture.numel()).double().view(-1, *picture.shape)
        ahead, behind = (
            judge(picture + sign * shifts, one.expand(len(shifts))) for sign in (1, -1)
        )
        total = total + ((ahead - behind) / (2 * step)).square().sum()
    return total / len(pictures)


def test_the_loss_is_both_losses_and_the_penalties_by_finite_differences(adversaries, batch):
    of_generator, of_discriminator, real, made = plain(adversaries, batch)
    with torch.no_grad():
        r1, r2 = (
            squared_slopes(adversaries.discriminator, each, batch[1]) for each in (real, made)
        )
    known = of_generator + of_discriminator + PENALTY / 2 * (r1 + r2)
    assert float(r1) > 1e-3
    assert float(adversaries(*batch).detach()) == pytest.approx(float(known.detach()), rel=1e-6)


def test_each_network_has_the_gradient_of_its_own_loss(adversaries, batch):
    of_generator, of_discriminator, real, made = plain(adversaries, batch)
    r1, r2 = (squared_slopes(adversaries.discriminator, each, batch[1]) for each in (real, made))
    penalised = of_discriminator + PENALTY / 2 * (r1 + r2)
    adversaries(*batch).backward()
    for network, loss in (
        (adversaries.generator, of_generator),
        (adversaries.discriminator, penalised),
    ):
        weights = list(network.parameters())
        known = torch.autograd.grad(loss, weights, allow_unused=True)
        for weight, gradient in zip(weights, known, strict=True):
            torch.testing.assert_close(weight.grad, gradient, rtol=1e-4, atol=1e-7)
        assert max(float(each.abs().max()) for each in known) > 1e-3


class Linear(nn.Module):
    """Scores that are linear in the picture: their gradient is the same everywhere."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.full((3, 4, 4), 0.5))

    def forward(self, pictures, ids):
        del ids
        return (pictures * self.weight).flatten(1).sum(1)


class Constant(nn.Module):
    """Generates one picture that is given."""

    def __init__(self, picture):
        super().__init__()
        self.picture = nn.Parameter(picture)

    def forward(self, noise, ids):
        del ids
        return self.picture.expand(len(noise), -1, -1, -1)


def test_a_linear_discriminator_has_the_known_penalty_and_pull():
    latents = torch.full((2, 3, 4, 4), 0.02)  # the codec has a kink at 0
    adversaries = Adversaries(Linear(), Linear(), codecs.pixel(), 2.0, ())
    adversaries.generator = Constant(latents[0].clone())
    loss = adversaries(latents, torch.zeros(2).long(), torch.zeros(2, 1), torch.zeros(2, NUMBERS))
    # both pictures of a pair are alike: log 2 each way, and 48 slopes of a half, squared
    assert float(loss.detach()) == pytest.approx(2 * math.log(2) + 2.0 * 48 * 0.25, rel=1e-4)
    loss.backward()
    # the generated picture moves to where the score is higher, by half of the slope and the codec's scale
    assert (adversaries.generator.picture.grad < 0).all()
    torch.testing.assert_close(
        adversaries.generator.picture.grad * codecs.PIXEL_SCALE,
        torch.full((3, 4, 4), -0.25),
        rtol=1e-3,
        atol=0,
    )


def test_a_picture_that_is_altered_by_middling_numbers():
    pictures = torch.rand(2, 3, 16, 16) * 2 - 1
    half = torch.full((2, NUMBERS), 0.5)
    torch.testing.assert_close(colour(pictures, half), pictures)
    torch.testing.assert_close(translation(pictures, half), pictures)
    cut = cutout(pictures, half)
    assert (cut[:, :, 4:12, 4:12] == 0).all()
    cut[:, :, 4:12, 4:12] = pictures[:, :, 4:12, 4:12]
    torch.testing.assert_close(cut, pictures)


def test_alterations_at_the_ends_of_their_ranges():
    pictures, numbers = torch.rand(1, 3, 16, 16) * 2 - 1, torch.full((1, NUMBERS), 0.5)
    numbers[0, 0], numbers[0, 1] = 1.0, 0.0  # bright and grey
    grey = pictures.mean(1, keepdim=True).expand(-1, 3, -1, -1) + 0.5
    torch.testing.assert_close(colour(pictures, numbers), grey)
    numbers = torch.full((1, NUMBERS), 0.5)
    numbers[0, 2] = 0.0  # half the contrast
    torch.testing.assert_close(colour(pictures, numbers).std(), pictures.std() / 2)
    numbers[0, 3:5] = torch.tensor([0.0, 0.999])  # two rows down, two columns to the left
    moved = translation(pictures, numbers)
    torch.testing.assert_close(moved[:, :, 2:, :-2], pictures[:, :, :-2, 2:])
    assert (moved[:, :, :2] == 0).all()
    assert (moved[:, :, :, -2:] == 0).all()
    numbers[0, 5:] = 0.0  # around the first pixel
    assert int((cutout(pictures, numbers)[0, 0] == 0).sum()) == 16


def test_every_place_of_a_shift_and_a_cut_is_as_likely():
    pictures = torch.ones(4000, 1, 8, 8).expand(-1, 3, -1, -1)
    numbers = torch.rand(4000, NUMBERS, generator=torch.Generator().manual_seed(1))
    shifted = translation(pictures, numbers)[:, 0].sum((1, 2))  # 49, 56 or 64 pixels are left
    assert (shifted == 64).double().mean() == pytest.approx(1 / 9, abs=0.02)
    kept = cutout(pictures, numbers)[:, 0].mean(0)
    assert float(kept[4, 4]) == pytest.approx(1 - (4 / 8) ** 2, abs=0.03)


@pytest.mark.parametrize("name", ALTERATIONS)
def test_alterations_are_differentiable_and_the_same_for_real_and_generated_pictures(name):
    random = torch.Generator().manual_seed(1)
    pictures = torch.rand(2, 3, 6, 6, generator=random).double().requires_grad_()
    numbers = torch.full((2, NUMBERS), 0.1).double()
    assert torch.autograd.gradcheck(lambda each: ALTERATIONS[name](each, numbers), pictures)
    both = augment(torch.cat([pictures, pictures]), numbers.repeat(2, 1), (name,))
    torch.testing.assert_close(both[:2], both[2:], rtol=0, atol=0)
    torch.testing.assert_close(augment(pictures[1:], numbers[1:], (name,)), both[1:2])
    assert not torch.equal(both[:2], pictures)


def test_the_discriminator_is_shown_pairs_that_are_altered_alike(adversaries, batch):
    shown = []
    adversaries.discriminator.register_forward_pre_hook(lambda _, inputs: shown.append(inputs))
    adversaries(*batch)
    ((pictures, ids),) = shown
    _, _, real, made = plain(adversaries, batch)
    torch.testing.assert_close(pictures[:3], real)
    torch.testing.assert_close(pictures[3:], made)
    assert torch.equal(ids, batch[1].repeat(2))
