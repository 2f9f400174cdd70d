"""The configuration: closed schemas, its release table, and its documentation."""
