"""Engines render candidates. A new engine is a folder here and a line in the registry."""
