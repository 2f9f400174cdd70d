"""How a network is run: compiled or not, with fused attention or plain, recomputing or storing its activations."""

from diffusers.models.attention_processor import Attention, AttnProcessor
from torch import nn

from .device import half
from .settings import Compute

SHORT = 256
"""Positions up to which plain attention trains faster on a CPU in bfloat16: there the fused kernel's backward pass is
slow (docs/decisions/generators/0023-throughput.md)."""


def prepare(network: nn.Module, compute: Compute, trained_positions: int | None = None) -> None:
    """Set up a network in place as `compute` asks; names and values of its weights stay.

    `attention: plain` replaces torch's fused kernel, as `auto` does where that one trains slower;
    `gradient_checkpointing` trades a second forward pass for the memory of the activations; `compile` fuses kernels
    when the network first runs.

    Parameters
    ----------
    network : Module
        On its device.
    trained_positions : int, optional
        Positions that its largest attention looks at, if it is going to be trained; None if it only samples.
    """
    faster = compute.attention == "auto" and _plain_is_faster(network, compute, trained_positions)
    if faster or compute.attention == "plain":
        for part in network.modules():
            if isinstance(part, Attention):
                part.set_processor(AttnProcessor())
    if compute.gradient_checkpointing:
        network.enable_gradient_checkpointing()
    if compute.compile:
        network.compile(dynamic=False)


def _plain_is_faster(network: nn.Module, compute: Compute, trained_positions: int | None) -> bool:
    if trained_positions is None or trained_positions > SHORT:
        return False
    where = next(network.parameters()).device
    return where.type == "cpu" and half(compute, where)
