"""The privacy core: perturbations, fingerprints, exact neighbours, the cone, and what judges them."""
