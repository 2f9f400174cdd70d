"""A user's own reads: checked, renamed, and joined with what is known about them."""
