"""Checkpoints of the encoder's training: a state folder of its own for each training, with one owner."""

from pathlib import Path

import torch

from avatarflow.runs.state import State

from .encoder import Network

NETWORK, OPTIMISER = "network.", "optimiser."


class Checkpoint:
    """The last state of one training.

    Parameters
    ----------
    folder : Path
        Undeclared state folder, outside the workflow's outputs; each training has a folder of its own in it.
    belongs : str
        Digest of everything that decides the training; a state of another one is not touched.
    """

    def __init__(self, folder: Path, belongs: str) -> None:
        self.state = State(Path(folder) / belongs, belongs)

    def save(self, network: Network, optimiser: torch.optim.Optimizer, done: int) -> None:
        """Keep weights and optimiser state after `done` steps.

        Raises
        ------
        AvatarflowError
            If a newer writer has taken the folder over.
        """
        tensors = {f"{NETWORK}{name}": value for name, value in network.state_dict().items()}
        for number, values in optimiser.state_dict()["state"].items():
            tensors |= {f"{OPTIMISER}{number}.{name}": value for name, value in values.items()}
        self.state.save(tensors, {"done": done})

    def load(self, network: Network, optimiser: torch.optim.Optimizer) -> int:
        """Bring both to the last checkpoint; the number of steps done, 0 where there is none of this training."""
        found = self.state.load()
        if found is None:
            return 0
        tensors, facts = found
        network.load_state_dict(_under(NETWORK, tensors))
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in _under(OPTIMISER, tensors).items():
            number, key = name.split(".")
            state.setdefault(int(number), {})[key] = value
        optimiser.load_state_dict(
            {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}
        )
        return int(facts["done"])


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
