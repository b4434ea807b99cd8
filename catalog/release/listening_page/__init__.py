"""The listening page of a release: one HTML file that works offline."""
