"""Donors: an individual's variants from rates, a panel or a coalescent, and the haplotypes they make."""
