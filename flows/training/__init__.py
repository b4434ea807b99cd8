"""Trains adapters: reads the manifest, plans the steps, runs them, shows how far they are, registers the result."""
