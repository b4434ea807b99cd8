"""Judges: scorers that use models (MuQ-MuLan, CLAP, aesthetics, lyrics)."""
