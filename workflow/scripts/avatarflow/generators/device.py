"""Where tensors live and how they are rounded: CPU or CUDA, 32-bit or bfloat16, by the same code."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from avatarflow.core.errors import refuse
from avatarflow.runs import bfloat16

from .settings import Compute


def device(compute: Compute, local: int = 0) -> torch.device:
    """Return the device asked for, of several GPUs the one numbered `local`.

    Sets torch's thread number, which changes rounding and so is a setting.
    """
    torch.set_num_threads(compute.threads)
    name = compute.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise refuse(
            "compute.device", "cuda asked for but no CUDA device here", "ask for auto or cpu"
        )
    return torch.device(name, local) if name == "cuda" and local else torch.device(name)


def half(compute: Compute, where: torch.device) -> bool:
    """Return whether networks run in bfloat16: where asked, or with `auto` where the processor has units for it."""
    if compute.precision == "auto":
        return where.type == "cuda" or bfloat16.fast_here()
    return compute.precision == "bf16"


def rounding(compute: Compute, where: torch.device) -> AbstractContextManager[Any]:
    """Return the context in which a network's forward pass runs; weights stay 32-bit."""
    return torch.autocast(where.type, torch.bfloat16) if half(compute, where) else nullcontext()


def run_rounded(network: nn.Module, compute: Compute, where: torch.device) -> None:
    """Let a network round its forward pass as `rounding` says, whoever calls it."""
    forward = network.forward

    def rounded(*values: Any, **named: Any) -> Any:
        """Run the forward pass in the asked precision."""
        with rounding(compute, where):
            return forward(*values, **named)

    network.forward = rounded  # type: ignore[method-assign]
