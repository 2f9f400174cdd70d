"""The dossier for the privacy officer: one document per release, in German and English, out of result files."""
