"""The audition of a song: every candidate level-matched and in time with the others, blind or open."""
