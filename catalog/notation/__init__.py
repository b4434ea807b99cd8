"""What a musician reads of a song: its melody with the words, its chords, its sections."""
