"""The autoencoder round trip: what the generator's own codec keeps of an original."""

from avatarflow.core.arrays import Pictures
from avatarflow.generators import codec as codecs
from avatarflow.generators.diffusion.denoiser import Denoiser

from .subjects import Subjects

MEANING = "encoded and decoded by the generator's own codec; it has no strength"


def make(generator: Denoiser, subjects: Subjects, strength: float, seed: int) -> Pictures:
    """Round trips (n, size, size, 3); there is no strength and nothing random."""
    del strength, seed
    latents = generator.latents(subjects.pictures).to(generator.where)
    return codecs.to_pictures(codecs.decode(generator.pipe.vae, latents))
