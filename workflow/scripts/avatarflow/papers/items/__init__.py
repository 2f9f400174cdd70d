"""The kinds of items of a paper, one per file."""
