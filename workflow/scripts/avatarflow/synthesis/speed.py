"""How a network is run: compiled or not, with fused attention or plain, recomputing or storing its activations."""

from diffusers.models.attention_processor import Attention, AttnProcessor
from torch import nn

from .settings import Compute


def prepare(network: nn.Module, compute: Compute) -> None:
    """Set up a network in place as `compute` asks; names and values of its weights stay.

    `attention: plain` replaces torch's fused kernel, for devices where it is broken; `gradient_checkpointing` trades a
    second forward pass for the memory of the activations; `compile` fuses kernels when the network first runs.
    """
    if compute.attention == "plain":
        for part in network.modules():
            if isinstance(part, Attention):
                part.set_processor(AttnProcessor())
    if compute.gradient_checkpointing:
        network.enable_gradient_checkpointing()
    if compute.compile:
        network.compile(dynamic=False)
