"""Formats of audio files: containers, frames, gapless headers, and ffmpeg for what libsndfile does not read."""
