"""Audio files and their samples: one value for audio, and reading, writing, streaming and metering it."""
