"""What may leave: certificate, card, data, checksums, and the officer's report."""
