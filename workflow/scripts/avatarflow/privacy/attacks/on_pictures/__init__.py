"""Attacks that hold only released pictures. A new one is a file and a line in `registry`."""
