"""The commands under ``songline lyrics``: words and their times."""
