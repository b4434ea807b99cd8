"""The symbols that phonemes are written in."""
