"""The pipeline of one album: its steps in order, their executors, missing work and progress."""
