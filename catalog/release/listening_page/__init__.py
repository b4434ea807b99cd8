"""The listening page of a release: one HTML file without a network."""
