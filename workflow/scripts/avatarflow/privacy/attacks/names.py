"""Names that releases and audits ask for without loading an attack: no imports here."""

PASS, FAIL, INSUFFICIENT = "pass", "fail", "insufficient evidence"
"""What an attack may conclude."""

ON_MODEL = ("loss_threshold", "sima", "pia", "secmi", "extraction")
"""Attacks that a generator must have passed, every one, before it may leave."""
