"""The gates of a release of pictures: their rules, the figures that they hold, and other thresholds."""
