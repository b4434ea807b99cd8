"""Weights of networks: files that are not trusted, and the memory they take."""
