"""Fingerprints: the encoder, its training, and the unit vectors that it makes of pictures."""
