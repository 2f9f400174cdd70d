"""How good the pictures are: fidelity, coverage and agreement with the asked condition, each with an interval."""
