"""Logistic regression with crossed random effects of readers and pictures, fitted by Laplace's approximation."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize
from threadpoolctl import threadpool_limits

from avatarflow.core.arrays import Floats, Integers

from .power import expit

STEPS, TOLERANCE = 60, 1e-8
SMALLEST_SD, LARGEST_SD = 1e-3, 6.0
RIDGE = 1 / 5**2
"""Precision of a weak normal prior on the fixed effects (standard deviation 5 logits): a group in which all answers
agree keeps an interval that says something."""


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Parameters
    ----------
    effects : (k,) float
        Fixed effects in logits.
    covariance : (k, k) float
        Theirs, with the random effects unknown and the two deviations taken as known.
    reader_sd, picture_sd : float
        Standard deviations of the random effects, in logits.
    """

    effects: Floats
    covariance: Floats
    reader_sd: float
    picture_sd: float


@dataclass(frozen=True)
class Answers:
    """n answers of yes (1) or no (0), with k columns of fixed effects, and who answered about which picture."""

    said: Floats
    design: Floats
    readers: Integers
    pictures: Integers


def fit(answers: Answers) -> Fit:
    """Fit the model: logit P(yes) = design @ effects + reader + picture, both normal around 0.

    The deviations maximise Laplace's approximation of the likelihood times both deviations, a prior that keeps them off
    0 (as blme's default); fixed and random effects are then at their joint mode (as lme4's `nAGQ = 0`).

    Parameters
    ----------
    answers : Answers
        Readers and pictures numbered from 0 without gaps.

    References
    ----------
    Bates et al. 2015, J. Stat. Softw. 67(1); Breslow and Clayton 1993, J. Am. Stat. Assoc. 88:9;
    Chung et al. 2013, Psychometrika 78:685, for the prior.
    """
    model = _Model(answers)
    with threadpool_limits(1):  # the matrices are small: threads would only wait for each other
        return _fitted(model)


def _fitted(model: "_Model") -> Fit:
    """Search both deviations, then take the mode there."""
    start = np.log([0.5, 0.5])
    bounds = [(np.log(SMALLEST_SD), np.log(LARGEST_SD))] * 2
    # without gradients: differences of a likelihood whose mode is found to a tolerance mislead a method with them
    found = optimize.minimize(
        model.minus_log_likelihood,
        start,
        method="Nelder-Mead",
        bounds=bounds,
        options={"xatol": 0.01, "fatol": 1e-4},
    )
    deviations = np.exp(found.x)
    mode, hessian = model.mode(found.x)
    covariance = linalg.inv(hessian)[: model.fixed, : model.fixed]
    return Fit(mode[: model.fixed], covariance, float(deviations[0]), float(deviations[1]))


class _Model:
    def __init__(self, answers: Answers) -> None:
        self.said, self.fixed = answers.said, answers.design.shape[1]
        self.readers = int(answers.readers.max()) + 1
        self.pictures = int(answers.pictures.max()) + 1
        self.design, self.answers = answers.design, answers
        self.cells = answers.readers * self.pictures + answers.pictures
        self._last = np.zeros(self.fixed + self.readers + self.pictures)

    def logits(self, effects: Floats) -> Floats:
        """Return the logit of each answer."""
        fixed, readers, pictures = np.split(effects, [self.fixed, self.fixed + self.readers])
        random = readers[self.answers.readers] + pictures[self.answers.pictures]
        logits: Floats = self.design @ fixed + random
        return logits

    def summed(self, values: Floats) -> Floats:
        """Return the sums of values, one per answer, over each column: the transposed design times the values."""
        return np.concatenate(
            [
                self.design.T @ values,
                np.bincount(self.answers.readers, values, self.readers),
                np.bincount(self.answers.pictures, values, self.pictures),
            ]
        )

    def curvature(self, weights: Floats) -> Floats:
        """Return the transposed design times the weighted one, block by block: most of it is zero."""
        columns = np.stack([self.summed(weights * column) for column in self.design.T])
        n, k = len(self._last), self.fixed
        matrix = np.zeros((n, n))
        matrix[:k], matrix[:, :k] = columns, columns.T
        diagonal = np.arange(k, n)
        matrix[diagonal, diagonal] = self.summed(weights)[k:]
        cells = np.bincount(self.cells, weights, self.readers * self.pictures)
        matrix[k : k + self.readers, k + self.readers :] = cells.reshape(self.readers, -1)
        matrix[k + self.readers :, k : k + self.readers] = cells.reshape(self.readers, -1).T
        return matrix

    def precision(self, log_deviations: Floats) -> Floats:
        """Return the prior precision of each effect."""
        reader, picture = np.exp(-2 * log_deviations)
        return np.repeat([RIDGE, reader, picture], [self.fixed, self.readers, self.pictures])

    def mode(self, log_deviations: Floats) -> tuple[Floats, Floats]:
        """Return the joint mode of all effects, by Newton's method with halved steps, and the Hessian there."""
        precision, effects = self.precision(log_deviations), self._last.copy()
        value = self._penalised(effects, precision)
        hessian = np.zeros((0, 0))
        for _ in range(STEPS):
            chance = expit(self.logits(effects))
            hessian = self.curvature(chance * (1 - chance)) + np.diag(precision)
            gradient = self.summed(self.said - chance) - precision * effects
            step = linalg.solve(hessian, gradient, assume_a="pos")
            scale = 1.0
            while (new := self._penalised(effects + scale * step, precision)) < value - 1e-12:
                scale /= 2
                if scale < 1e-8:
                    break
            effects, gain, value = effects + scale * step, new - value, new
            if gain < TOLERANCE:
                break
        self._last = effects
        return effects, hessian

    def minus_log_likelihood(self, log_deviations: Floats) -> float:
        """Return the negative logarithm of what `fit` maximises: random effects integrated out around their mode."""
        effects, hessian = self.mode(log_deviations)
        random = slice(self.fixed, None)
        _, curvature = np.linalg.slogdet(hessian[random, random])
        precision = self.precision(log_deviations)
        log_prior = 0.5 * np.log(precision[random]).sum()
        likelihood = self._penalised(effects, precision) + log_prior - 0.5 * curvature
        # keeps deviations from being estimated as 0, which would make the intervals too narrow
        return -float(likelihood + log_deviations.sum())

    def _penalised(self, effects: Floats, precision: Floats) -> float:
        logits = self.logits(effects)
        likelihood = self.said @ logits - np.logaddexp(0, logits).sum()
        return float(likelihood - 0.5 * (precision * effects) @ effects)
