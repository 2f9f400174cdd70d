"""Several processes that train one network: who this one is, its share of a batch, and what all agree on.

`torchrun` (or `accelerate launch`) starts them and names them by environment variables. Each draws the random numbers
of the whole batch and works on its share, so that the averaged gradient is that of one process, rounding excepted.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from avatarflow.core.errors import refuse


@dataclass(frozen=True)
class Processes:
    """The process that runs this, among those that train together; without others, everything here does nothing."""

    rank: int = 0
    count: int = 1
    local: int = 0
    """Number on this machine, which picks the GPU."""

    @classmethod
    def here(cls) -> "Processes":
        """As the launcher's environment says, once `joined` has run."""
        if not (dist.is_available() and dist.is_initialized()):
            return cls()
        return cls(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))

    @property
    def first(self) -> bool:
        """Whether this one writes the state and the result."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """Return the part of a batch that this process works on.

        Raises
        ------
        AvatarflowError
            If the batch cannot be divided evenly.
        """
        if batch % self.count:
            raise refuse(
                "training.batch",
                f"{batch} pictures for {self.count} processes",
                "make it a multiple of their number",
            )
        size = batch // self.count
        return slice(self.rank * size, (self.rank + 1) * size)

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model as the loss calls it: its gradients are averaged over all processes during the backward pass."""
        return DistributedDataParallel(model) if self.count > 1 else model

    def mean(self, value: float) -> float:
        """Return the mean of a number over all processes."""
        return self._sum(value) / self.count if self.count > 1 else value

    def any(self, here: bool) -> bool:
        """Return whether it holds for one of them."""
        return self._sum(float(here)) > 0 if self.count > 1 else here

    def number(self, here: int) -> int:
        """Return the first process's number."""
        return round(self._sum(float(here) if self.first else 0.0)) if self.count > 1 else here

    def follow(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give every process the first one's tensors, in place."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def _sum(self, value: float) -> float:
        where = "cuda" if dist.get_backend() == "nccl" else "cpu"
        found = torch.tensor(value, dtype=torch.float64, device=where)
        dist.all_reduce(found)
        return float(found.item())


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Meet the other processes named by the launcher's environment; part from them at the end."""
    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield Processes.here()
    finally:
        dist.destroy_process_group()
