"""What is released: certificate, card, data, checksums, and the officer's report."""
