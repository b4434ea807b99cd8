"""Choosing the takes of an album that fit together."""
