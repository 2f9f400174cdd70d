"""`avatarflow clean`: one sample through the workflow with one command, and its decision as the exit status."""
