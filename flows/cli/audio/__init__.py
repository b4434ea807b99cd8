"""Commands for single audio files: measure, master, separate."""
