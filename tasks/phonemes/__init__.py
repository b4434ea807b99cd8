"""Lyrics to phonemes: English, Chinese, Japanese kana, numerals, and the reader that combines them."""
