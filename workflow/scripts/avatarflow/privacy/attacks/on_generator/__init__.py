"""Attacks that hold the generator. A new one is a file and a line in `registry`."""
