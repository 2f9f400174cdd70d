"""Error profiles fitted from alignments."""
