"""Papers: figures and tables of a source rebuilt from the entries of one configuration, on one page."""
