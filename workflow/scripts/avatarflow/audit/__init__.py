"""Audits of somebody else's pictures: what every rule, attack and subgroup says of them, as figures and as a page."""
