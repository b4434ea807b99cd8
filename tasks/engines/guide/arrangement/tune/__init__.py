"""The tune: where its syllables fall, which pitches they get, and the words on its notes."""
