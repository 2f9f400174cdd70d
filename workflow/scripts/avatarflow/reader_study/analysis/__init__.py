"""What the answers of a reader study say, and what a study of a size can find out."""
