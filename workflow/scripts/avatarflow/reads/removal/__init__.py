"""Read-removal tools: which there are, how they are run, and what they call human."""
