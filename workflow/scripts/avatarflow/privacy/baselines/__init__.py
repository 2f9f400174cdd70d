"""Rules that sort risky pictures from harmless ones: the cone and its published baselines, one a file.

Each is one function `score(candidates, originals) -> (n,)`, the smaller the riskier, over the same fingerprints.
"""
