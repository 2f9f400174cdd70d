"""The Cone of Privacy: its geometry, its calibration, and the decision on each candidate."""
