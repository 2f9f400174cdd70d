"""The bound of the family vae against known likelihoods, and the prior that is fitted to what was encoded."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from avatarflow.generators.attacked import bound
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.task import TrainingTask
from avatarflow.generators.training.loop import Draw
from avatarflow.generators.vae.likelihood import terms
from avatarflow.generators.vae.network import Passed
from avatarflow.generators.vae.objective import Evidence, divergence, log_normal
from avatarflow.generators.vae.prior import Prior
from avatarflow.generators.vae.settings import Vae

TINTS = Conditions({"tint": ["red", "blue"]})
COMPUTE = {"threads": 1, "precision": "fp32", "device": "cpu"}


def test_a_fitted_prior_has_the_moments_of_what_was_encoded():
    conditions = Conditions({"a": ["x", "y"], "b": ["u", "v"]})
    rng = np.random.default_rng(1)
    codes = np.repeat(np.array([[0, 0], [0, 1], [1, 0]]), [400, 400, 1], 0)  # one lonely (y, u)
    mean = torch.from_numpy(rng.normal(0, 2, (801, 2)) + 5 * codes)
    prior = Prior.fitted(mean, torch.full((801, 2), 0.5), codes, conditions)
    of = {conditions.label(one): prior.means[one] for one in range(len(conditions))}
    np.testing.assert_allclose(of["x u"], [0, 0], atol=0.3)
    np.testing.assert_allclose(of["x v"], [0, 5], atol=0.3)
    np.testing.assert_allclose(of["x"], mean[:800].mean(0), atol=1e-5)  # any b
    np.testing.assert_allclose(of["y u"], mean.mean(0), atol=1e-5)  # not the one picture
    covariance = prior.factor @ prior.factor.T
    np.testing.assert_allclose(covariance, np.diag([4.5, 4.5]), atol=0.5)


class Linear(nn.Module):
    """x = W z + noise with z from N(0, 1), whose posterior the encoder knows exactly, or misses by `off`."""

    def __init__(self, off=0.0):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = torch.randn(6, 1, generator=generator)
        self.variance, self.off = 0.3, off

    def encode(self, latents, ids):
        del ids
        precision = 1 + self.weight.square().sum() / self.variance
        mean = latents.flatten(1) @ self.weight / self.variance / precision + self.off
        return mean, (-precision.log()).expand(len(mean), 1)

    def forward(self, latents, ids, noise):
        mean, log_variance = self.encode(latents, ids)
        hidden = mean + torch.exp(0.5 * log_variance) * noise
        decoded = (hidden @ self.weight.T).view(latents.shape)
        return Passed(decoded, mean, log_variance, torch.full((6, 1, 1), math.log(self.variance)))


def known_log_density(model, latents):
    covariance = model.weight @ model.weight.T + model.variance * torch.eye(6)
    known = torch.distributions.MultivariateNormal(torch.zeros(6).double(), covariance.double())
    return known.log_prob(latents.flatten(1).double())


def test_the_bound_of_a_linear_gaussian_model_is_its_known_likelihood():
    latents = torch.randn(5, 6, 1, 1, generator=torch.Generator().manual_seed(2))
    ids, prior = torch.zeros(5, dtype=torch.long), Prior.standard(1, 1)
    noise = torch.randn(400, 5, 1, generator=torch.Generator().manual_seed(3))
    known = known_log_density(Linear(), latents)
    exact = terms(Linear(), prior, latents, ids, noise[0])
    torch.testing.assert_close(exact.reconstruction + exact.prior, known, atol=1e-4, rtol=0)
    off = Linear(off=0.12)
    weights = torch.stack([sum(terms(off, prior, latents, ids, one)) for one in noise])
    assert (weights.mean(0) < known - 0.01).all()  # the lower bound misses by KL(q || posterior)
    torch.testing.assert_close(bound(weights), known, atol=0.15, rtol=0)
    apart = (weights.mean(0) - known).abs().sum(), (bound(weights) - known).abs().sum()
    assert apart[1] < 0.3 * apart[0]


def test_training_minimises_minus_the_bound():
    model, count = Linear(), 2000
    latents = torch.randn(count, 6, 1, 1, generator=torch.Generator().manual_seed(2))
    table = pd.DataFrame({"tint": ["red"] * count})
    never = {"drop_all": 0.0, "drop_column": 0.0}
    task = TrainingTask(
        np.zeros((count, 4, 4, 3), np.uint8), table, TINTS, never, COMPUTE, 1, Path(), Path()
    )
    draw = Draw(np.arange(count), torch.Generator().manual_seed(1), np.random.default_rng(1))

    def loss(**own):
        asked = Vae(latent_values=1, **own)
        objective = Evidence(task, model, asked, latents, TINTS.codes(table), torch.device("cpu"))
        return float(
            objective(Draw(draw.rows, torch.Generator().manual_seed(1), np.random.default_rng(1)))
        )

    known = float(known_log_density(model, latents).mean())
    assert 6 * loss() == pytest.approx(-known, rel=0.02)
    apart = float(divergence(*model.encode(latents, None)).mean())
    assert 6 * (loss(beta=3.0) - loss()) == pytest.approx(2 * apart, rel=1e-3)
    assert 6 * (loss(free_bits=9.0) - loss()) == pytest.approx(9 - apart, rel=1e-3)


def test_log_normal_is_that_of_torch():
    values, mean, log_variance = torch.randn(3, 4, 5, 2, 2).unbind(0)
    known = torch.distributions.Normal(mean, torch.exp(0.5 * log_variance)).log_prob(values)
    torch.testing.assert_close(log_normal(values, mean, log_variance), known.flatten(1).sum(1))
