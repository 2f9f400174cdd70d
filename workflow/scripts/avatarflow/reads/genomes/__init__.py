"""Genomes: reading, checking, random ones, and regions on them."""
