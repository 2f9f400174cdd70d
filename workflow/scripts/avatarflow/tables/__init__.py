"""Tables of labels: pseudonyms, shifted dates, generalisation, and the gates before a table may be published."""
