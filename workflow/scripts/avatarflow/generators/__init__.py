"""Generators of pictures: conditions, codecs, networks, training, sampling, one family per module."""
