"""Lyrics for DiffRhythm: tokens placed in time."""
