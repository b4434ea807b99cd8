"""Reference recordings: are they good enough to condition on."""
