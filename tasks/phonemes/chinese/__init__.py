"""Chinese text to phonemes: words, readings, tones."""
