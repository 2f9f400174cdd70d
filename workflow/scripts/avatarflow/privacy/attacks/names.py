"""Names that releases and audits ask for without loading an attack: no imports here."""

ON_DENOISERS = ("loss_threshold", "sima", "pia", "secmi")
ON_LIKELIHOODS = ("likelihood_threshold", "reconstruction_loss")
ON_MODEL = (*ON_DENOISERS, *ON_LIKELIHOODS, "extraction")
"""All attacks on generators."""


def due(likelihood: bool) -> tuple[str, ...]:
    """Return the attacks that a generator must have passed, every one, before it is released.

    Parameters
    ----------
    likelihood : bool
        Whether its family says how likely it finds a picture. One that neither does that nor predicts clean pictures
        owes the attacks on denoisers, which cannot be run on it: it is never released.
    """
    return (*(ON_LIKELIHOODS if likelihood else ON_DENOISERS), "extraction")
