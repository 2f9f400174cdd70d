"""Attacks on what is released and on what could be: one attack per file, all measured by one interface."""
