"""Manifests as tables of text: files, encodings, columns, and filters over rows."""
