"""FHIR R4 resources from files: JSON, XML, NDJSON and Bundles, each resource named by its kind and number only."""
