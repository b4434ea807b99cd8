"""Artifacts of an album in the Prefect UI, and the text of their pages."""
