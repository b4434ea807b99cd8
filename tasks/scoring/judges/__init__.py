"""Scorers that listen with models: MuQ-MuLan, CLAP, aesthetics, lyrics."""
