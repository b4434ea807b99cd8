"""Acceptance: examine written files for faults of level, waveform and format."""
