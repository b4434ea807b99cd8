"""YAML and JSON with the line of every value, safe and without ambiguity."""
