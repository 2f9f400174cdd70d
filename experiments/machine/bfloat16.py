#!/usr/bin/env python3
"""What bfloat16 costs on this processor: a training step of the encoder and of a generator, in both number formats.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/machine/bfloat16.py

Both formats in turn in one run, one thread, processor seconds. Writes results/bfloat16.json, with the processor's name.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from avatarflow.generators.diffusion.network import build
from avatarflow.generators.settings import Network as Sizes
from avatarflow.privacy.fingerprints.encoder import Network
from avatarflow.runs import bfloat16

RESULTS = Path(__file__).parent / "results" / "bfloat16.json"
ROUNDS, BATCH = 6, 32


def encoder() -> Callable[[], torch.Tensor]:
    """Return the forward pass of the encoder of the defaults, 64 px."""
    network = Network(192, 32, 64).to(memory_format=torch.channels_last)
    pictures = torch.rand(BATCH, 3, 64, 64).to(memory_format=torch.channels_last)
    return lambda: network(pictures).sum()


def generator() -> Callable[[], torch.Tensor]:
    """Return the forward pass of the denoising network of the defaults, latents of 16 x 16."""
    sizes = Sizes()
    network = build(sizes, 16, sizes.latent_channels, seed=1)
    latents, times = torch.randn(BATCH, sizes.latent_channels, 16, 16), torch.rand(BATCH)
    labels = torch.zeros(BATCH, dtype=torch.int64)
    return lambda: network(latents, times, labels).sample.sum()


def seconds(forward: Callable[[], torch.Tensor], half: bool) -> float:
    """Return processor seconds of one step, forwards and backwards."""
    start = time.process_time()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        loss = forward()
    loss.backward()
    return time.process_time() - start


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    found = {
        "processor": next(line.split(":")[1].strip() for line in lines if "model name" in line),
        "fast_here": bfloat16.fast_here(),
    }
    for name, forward in (("encoder", encoder()), ("generator", generator())):
        rounds = [[seconds(forward, half) for half in (False, True)] for _ in range(ROUNDS)][1:]
        whole, half = np.median(rounds, 0)
        found[name] = {"float32_s": whole, "bfloat16_s": half, "ratio": half / whole}
        print(
            f"{name}: {whole:.3f} s in 32 bits, {half:.3f} s in bfloat16, {half / whole:.2f} times"
        )
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
