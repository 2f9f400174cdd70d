"""Names that releases and audits ask for without loading an attack: no imports here."""

ON_DENOISERS = ("loss_threshold", "sima", "pia", "secmi")
ON_LIKELIHOODS = ("likelihood_threshold", "reconstruction_loss")
ON_DISCRIMINATORS = ("discriminator_score",)
ON_MODEL = (*ON_DENOISERS, *ON_LIKELIHOODS, *ON_DISCRIMINATORS, "extraction")
"""All attacks on generators."""


def due(attacked_by: str) -> tuple[str, ...]:
    """Return the attacks that a generator must have passed, every one, before it is released.

    Parameters
    ----------
    attacked_by : str
        What attacks ask of its family: `likelihood`, `discriminator` or `denoise`. A family with none of them owes the
        attacks on denoisers, which cannot be run on it: it is never released.
    """
    asked = {
        "likelihood": ON_LIKELIHOODS,
        "discriminator": ON_DISCRIMINATORS,
        "denoise": ON_DENOISERS,
    }
    return (*asked[attacked_by], "extraction")
