"""Reads wing: an individual from a genome, reads with errors, removal of human reads by tools, scores."""
