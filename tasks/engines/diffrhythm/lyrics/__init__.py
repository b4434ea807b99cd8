"""Lyrics as DiffRhythm sings them: tokens placed in time."""
