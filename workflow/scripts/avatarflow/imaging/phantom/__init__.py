"""Procedural eyes: fundus photographs and iris close-ups, drawn from a seed."""
