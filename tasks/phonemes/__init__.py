"""From lyrics to phonemes: English, Japanese kana, numerals, and the reader that joins them."""
