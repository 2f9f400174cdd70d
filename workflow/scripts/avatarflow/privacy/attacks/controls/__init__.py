"""Positive controls: leaks planted on purpose, which every attack must find."""
