"""Checkpoints of the encoder's training: one atomic safetensors file that names the training it belongs to."""

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ..paths import replacing
from ..runtime import Step
from .encoder import Network

FILE = "encoder.safetensors"


class Checkpoint:
    """The last state of one training.

    Parameters
    ----------
    folder : Path
        Undeclared state folder, outside the workflow's outputs.
    belongs : str
        Digest of everything that decides the training; a state of another one is not used.
    """

    def __init__(self, folder: Path, belongs: str) -> None:
        self.path = Path(folder) / FILE
        self.belongs = belongs

    def save(self, network: Network, optimiser: torch.optim.Optimizer, done: int) -> None:
        """Keep weights and optimiser state after `done` steps."""
        tensors = {f"network.{name}": value.contiguous() for name, value in network.state_dict().items()}
        for number, values in optimiser.state_dict()["state"].items():
            tensors.update({f"optimiser.{number}.{name}": value.contiguous() for name, value in values.items()})
        with replacing(self.path) as temporary:
            save_file(tensors, temporary, {"belongs": self.belongs, "done": str(done)})

    def load(self, network: Network, optimiser: torch.optim.Optimizer, step: Step) -> int:
        """Bring both to the last checkpoint; the number of steps done, 0 where there is none of this training."""
        if not self.path.is_file():
            return 0
        with safe_open(str(self.path), "pt") as file:
            header = file.metadata()
            if header["belongs"] != self.belongs:
                step.info("the encoder's state belongs to another configuration; training starts anew")
                return 0
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        start = len("network.")
        network.load_state_dict({name[start:]: value for name, value in tensors.items() if name.startswith("network.")})
        groups = optimiser.state_dict()["param_groups"]
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, number, key = name.split(".")
                state.setdefault(int(number), {})[key] = value
        optimiser.load_state_dict({"state": state, "param_groups": groups})
        step.info("continuing the encoder's training after step %s", header["done"])
        return int(header["done"])
