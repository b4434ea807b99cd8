"""The symbols for phonemes."""
