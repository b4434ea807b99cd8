"""Measures without models: waveform, spectrum, stereo, tempo, key."""
