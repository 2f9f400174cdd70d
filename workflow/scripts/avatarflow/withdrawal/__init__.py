"""Withdrawal: what goes back to a patient who may no longer be used is found, deleted and put on record."""
