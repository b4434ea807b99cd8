"""Times of words: laid out on the bars of a tempo, shifted and stretched."""
