"""The audition of a song: all its candidates side by side."""
