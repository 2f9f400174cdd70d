"""The generator families and what each can do. A new one is a folder, a line here, and a line in `interface`.

Imported while Snakemake parses: standard library only.
"""

from typing import NamedTuple


class Abilities(NamedTuple):
    """What a family can do beside being trained and sampled.

    `base`: training starts from a base. `pretrained`: it needs one that was trained elsewhere. `denoise`: it predicts
    the clean picture behind a noisy one, which attacks on the generator and generative near-duplicates need.
    `likelihood`: it says how likely it finds a picture, which attacks on the generator use instead. `discriminator`: it
    was trained against a network that tells real pictures from its own, which attacks on the generator use instead.
    """

    base: bool
    pretrained: bool
    denoise: bool
    likelihood: bool = False
    discriminator: bool = False

    @property
    def attacked_by(self) -> str:
        """What attacks on the generator ask; `denoise` where the family has nothing that could be asked."""
        asked = (name for name in ("likelihood", "discriminator") if getattr(self, name))
        return next(asked, "denoise")


DEFAULT = "diffusion"
FAMILIES = {
    "diffusion": Abilities(base=True, pretrained=False, denoise=True),
    "foundation": Abilities(base=True, pretrained=True, denoise=False),
    "pca_gaussian": Abilities(base=False, pretrained=False, denoise=False),
    "vae": Abilities(base=True, pretrained=False, denoise=False, likelihood=True),
    "gan": Abilities(base=True, pretrained=False, denoise=False, discriminator=True),
}
