"""Whether this machine's processor computes in bfloat16 faster than in 32 bits."""

import torch


def fast_here() -> bool:
    """Return whether the processor has units for bfloat16.

    One without them imitates the format: a step of the encoder's training takes ten times as long as in 32 bits on an
    AMD EPYC with AVX2 alone (experiments/machine/bfloat16.py).
    """
    return bool(torch.cpu._is_avx512_bf16_supported())
