"""Where originals come from: each source yields the rows that a manifest would, one file per source."""
