"""Words of lyrics as phones: espeak-ng, the phones of lines, and the syllables that they form."""
