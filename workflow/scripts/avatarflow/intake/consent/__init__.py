"""The consent gate: what patients permitted, decided for each patient, and pictures refused by it."""
