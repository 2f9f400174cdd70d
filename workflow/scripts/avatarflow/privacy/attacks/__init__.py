"""Attacks on what leaves and on what could: one attack per file, all measured by one interface."""
