"""Reference recordings: checks of their quality before they condition a render."""
