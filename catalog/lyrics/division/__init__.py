"""Words divided into the syllables that are written under notes."""
