"""The form of a song: its grid of bars, its sections, and what plays in each of them."""
