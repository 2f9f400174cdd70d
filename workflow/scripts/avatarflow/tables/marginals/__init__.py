"""Synthetic tables of labels from marginals with differential privacy: domains, noise, account, ledger, drawing."""
