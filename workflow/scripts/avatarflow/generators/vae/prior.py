"""The prior from which pictures are drawn: a normal distribution of the hidden values for each class.

The network is trained against N(0, 1). What its encoder makes of the training pictures is not quite that, and depends
on the class. The normal distribution that is fitted to it afterwards is nearer to what the decoder was trained on.

References
----------
Ghosh et al. 2020, From variational to deterministic autoencoders (arXiv 1903.12436), section 4 (ex-post density
estimation); Tomczak & Welling 2018 (arXiv 1705.07120; the aggregated posterior is the best prior).
"""

from dataclasses import dataclass

import numpy as np
import torch

from avatarflow.generators.conditions import Conditions, Ids

FEWEST = 2
"""Pictures of a class at least: the mean of one would be that picture."""


@dataclass(frozen=True)
class Prior:
    """Normal distributions with a mean per class and one covariance.

    Parameters
    ----------
    means : (classes, values) float32
    factor : (values, values) float32
        Lower triangular; the covariance is factor @ factor.T.
    """

    means: torch.Tensor
    factor: torch.Tensor

    @classmethod
    def standard(cls, classes: int, values: int) -> "Prior":
        """N(0, 1) for every class."""
        return cls(torch.zeros(classes, values), torch.eye(values))

    @classmethod
    def fitted(
        cls, mean: torch.Tensor, variance: torch.Tensor, codes: Ids, conditions: Conditions
    ) -> "Prior":
        """Match mean and covariance of what the encoder makes of pictures.

        A class with missing values has the mean of all pictures that agree with the rest; one of which there are fewer
        than `FEWEST` has the mean of all.

        Parameters
        ----------
        mean, variance : (n, values)
            Of the hidden values of each picture.
        codes : (n, columns)
            The conditions of each picture.
        """
        mean, variance = mean.double(), variance.double()
        classes = np.arange(len(conditions))
        wanted = conditions.codes(conditions.table(classes))  # (classes, columns)
        means = mean.mean(0).repeat(len(classes), 1)
        for one in classes:
            alike = ((codes == wanted[one]) | (wanted[one] == conditions.missing)).all(1)
            if alike.sum() >= FEWEST:
                means[one] = mean[torch.from_numpy(alike)].mean(0)
        around = mean - means[torch.from_numpy(conditions.encode(codes))]
        covariance = around.T @ around / len(mean) + torch.diag(variance.mean(0))
        return cls(means.float(), torch.linalg.cholesky(covariance).float())

    def draw(self, ids: torch.Tensor, noise: torch.Tensor, guidance: float) -> torch.Tensor:
        """Hidden values (n, values) from standard normal noise of that shape.

        The density to the power of the guidance scale is a normal one with the same mean and a variance divided by it.
        """
        return self.means[ids] + guidance**-0.5 * noise @ self.factor.T

    def log_density(self, hidden: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Log density (n,) of hidden values (n, values)."""
        known = torch.distributions.MultivariateNormal(
            self.means[ids].double(), scale_tril=self.factor.double(), validate_args=False
        )
        density: torch.Tensor = known.log_prob(hidden.double())  # type: ignore[no-untyped-call]
        return density
