"""The privacy core: alterations, fingerprints, exact neighbours, the cone, and what judges them."""
