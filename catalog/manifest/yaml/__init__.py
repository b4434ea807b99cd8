"""YAML and JSON with the line of every value; unsafe and ambiguous input is rejected."""
