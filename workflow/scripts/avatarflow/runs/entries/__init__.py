"""What MLflow shows of a whole entry: its decision, its figures, its documents, and its released generator."""
