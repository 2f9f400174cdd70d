"""Several encoders as one: their fingerprints side by side, so that the cosine is the mean of theirs."""

from collections.abc import Sequence

import torch
from torch import nn

from .encoder import Fingerprinter


class Ensemble(nn.Module):
    """Trained and whitened members that vote with equal weight.

    Parameters
    ----------
    members : encoders
        Each whitened on its own; e = (e_1, ..., e_K) / sqrt(K), so <e(x), e(y)> is the mean of the members' cosines.
    """

    def __init__(self, members: Sequence[Fingerprinter]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.dimensions = sum(member.dimensions for member in members)

    def fingerprints(self, pictures: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) in [0, 1] -> (n, d) unit rows; NaN where a member has no fingerprint."""
        rows = [member.fingerprints(pictures) for member in self.members]  # type: ignore[operator, union-attr]
        # members of (n, d / members) unit rows -> (n, d) unit rows
        return torch.cat(rows, 1) / len(rows) ** 0.5
