"""Index terms: what FHIR profiles and study protocols say can be asked for, and by which search it is."""
