"""What surrounds a job: its context, records, MLflow, stopping, resuming, and the state of a run."""
