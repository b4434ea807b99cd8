"""Engines: what renders candidates. A new one is a folder here and a line in the registry."""
