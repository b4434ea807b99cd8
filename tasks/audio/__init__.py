"""Audio files and their samples: one value for sound, reading, writing, streaming."""
