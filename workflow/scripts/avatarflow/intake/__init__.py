"""From a manifest, or from the procedural generator, to a pool of validated pictures divided by person."""
