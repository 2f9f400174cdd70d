"""Names that releases and audits ask for without loading an attack: no imports here."""

ON_MODEL = ("loss_threshold", "sima", "pia", "secmi", "extraction")
"""Attacks that a generator must have passed, every one, before it is released."""
