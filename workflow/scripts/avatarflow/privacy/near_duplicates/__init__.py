"""Generative near-duplicates, for testing only: what a model makes of an original that may still show the same eye.

Each family is one file with `make`; `families.GENERATIVE` names them. They are no perturbations: whether such a picture
still shows the person is for an independent matcher to say, so they never enter an own radius or a calibration.
"""
