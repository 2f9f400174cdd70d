"""The settings of the family's own, `generator.vae` of the config; defaults equal those of the schema."""

from dataclasses import dataclass

from avatarflow.generators.settings import Settings


@dataclass(frozen=True)
class Vae(Settings):
    """What is special to this family; widths, layers, norm and codec are those of `network`."""

    latent_values: int = 64
    beta: float = 1.0
    free_bits: float = 0.0
    prior: str = "fitted"
