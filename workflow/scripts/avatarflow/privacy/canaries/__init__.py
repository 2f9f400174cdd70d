"""Canaries: eyes that are nobody's, put into the teacher's training set, and looked for afterwards."""
