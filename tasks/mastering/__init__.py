"""Mastering: one loudness and one character for an album, from its winners to its masters."""
