"""From the rendered takes of songs to their winners: scores, decisions, and takes that fit together."""
