"""The catalogue of open medical data sources: entries, their checks, a selection, and a page."""
