"""What everything else rests on: configuration, paths, seeds, digests, errors and statistics."""
