"""The settings of networks, training and sampling; names and defaults equal those of the config schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from avatarflow.core.errors import refuse


class Settings:
    """Settings with defaults, taken from a mapping of the config."""

    @classmethod
    def of(cls, values: "Mapping[str, Any] | Self") -> Self:
        """Settings from a mapping of the config; keys that belong to others are left alone."""
        if isinstance(values, cls):
            return values
        names = {item.name for item in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: value for name, value in values.items() if name in names})  # type: ignore[union-attr]


@dataclass(frozen=True)
class Network(Settings):
    """Shape of the denoising network and of the codec before it."""

    codec: str = "blocks"
    channels: tuple[int, ...] = (64, 128, 192)
    attention: tuple[int, ...] = (8,)
    layers: int = 1
    head_channels: int = 32
    norm_groups: int = 8
    dropout: float = 0.0
    latent_channels: int = 16
    prediction: str = "sample"
    noise_shift: float = 1.0

    def check(self, cells: int) -> None:
        """Refuse a side of the latents that cannot be halved often enough, and widths that have no equal groups.

        Raises
        ------
        AvatarflowError
        """
        self.check_halvings(cells)
        if any(width % self.norm_groups for width in self.channels):
            raise refuse(
                "network.channels",
                "a width is no multiple of norm_groups",
                f"use multiples of {self.norm_groups}",
            )

    def check_halvings(self, cells: int) -> None:
        """Refuse a side of the latents that cannot be halved often enough.

        Raises
        ------
        AvatarflowError
        """
        halvings = 2 ** (len(self.channels) - 1)
        if cells % halvings:
            raise refuse(
                "network.channels", f"{len(self.channels)} resolutions for {cells} cells",
                f"use a picture size whose latent side is a multiple of {halvings}, or fewer resolutions",
            )  # fmt: skip


@dataclass(frozen=True)
class Training(Settings):
    """One training run: pretraining, fine-tuning or distillation."""

    steps: int = 1500
    batch: int = 16
    learning_rate: float = 1.0e-3
    warmup_steps: int = 50
    final_rate: float = 0.1
    weight_decay: float = 0.0
    clip_norm: float = 1.0
    ema_decay: float = 0.995
    drop_all: float = 0.1
    drop_column: float = 0.05
    weighting: str = "min-snr"
    snr_gamma: float = 5.0
    checkpoint_steps: int = 200
    checkpoint_s: float = 60.0
    log_steps: int = 25


@dataclass(frozen=True)
class Tuning(Settings):
    """How a public base of the foundation family is fine-tuned."""

    method: str = "full"
    rank: int = 8
    caption: str = "{label}"


@dataclass(frozen=True)
class Sampling(Settings):
    """Bulk sampling of one generator."""

    steps: int | Sequence[int] = 20
    guidance: tuple[float, ...] = (2.0,)
    per_condition: int = 100


@dataclass(frozen=True)
class Compute(Settings):
    """The machine's side of the work. It changes rounding, so it belongs to the config."""

    device: str = "auto"
    precision: str = "auto"
    threads: int = 2
    micro_batch: int = 16
    compile: bool = False
    attention: str = "auto"
    gradient_checkpointing: bool = False
    processes: int = 1

    def decisive(self) -> dict[str, Any]:
        """Return what a digest sees; see `lasting`."""
        return lasting(vars(self))


LATER: dict[str, Any] = {
    "compile": False,
    "attention": "auto",
    "gradient_checkpointing": False,
    "processes": 1,
}
"""Settings of `Compute` that came after the first states were written, with their defaults."""


def lasting(compute: Mapping[str, Any]) -> dict[str, Any]:
    """`compute` without the later settings that are at their default, so that older states and bases still fit."""
    return {key: value for key, value in compute.items() if key not in LATER or value != LATER[key]}
