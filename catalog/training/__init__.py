"""Trainings: the manifest of an adapter, checked, and the document from which any machine trains it."""
