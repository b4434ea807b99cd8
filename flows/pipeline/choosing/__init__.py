"""Choosing takes of an album after every song was decided by itself."""
