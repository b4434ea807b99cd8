"""Lyrics as values: lines with their times or without, section marks, and the readers and writers of both forms."""
