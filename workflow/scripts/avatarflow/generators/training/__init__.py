"""The training loop that all networks share, in one process or several."""
