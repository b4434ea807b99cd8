"""The parts of the band: harmony, drums, bass, chords and the instruments around the voice."""
