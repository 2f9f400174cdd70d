"""Data-use requests: what a release asks of a site, and the site's answer in counts."""
