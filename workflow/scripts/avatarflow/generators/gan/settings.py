"""The settings of the family's own, `generator.gan` of the config; defaults equal those of the schema."""

from dataclasses import dataclass
from typing import Any

from avatarflow.generators.settings import Settings


@dataclass(frozen=True)
class Gan(Settings):
    """What is special to this family; widths, layers and codec are those of `network`."""

    latent_values: int = 64
    gradient_penalty: float = 1.0
    augmentation: tuple[str, ...] = ("colour", "translation", "cutout")
    release_discriminator: bool = False

    def decisive(self) -> dict[str, Any]:
        """Return what decides the trained weights."""
        values = {key: each for key, each in vars(self).items() if key != "release_discriminator"}
        return values | {"augmentation": list(self.augmentation)}
