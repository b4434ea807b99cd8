"""Releases: their document, and which builds are kept."""
