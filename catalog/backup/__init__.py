"""Backups of catalog and store, and the rows of the catalog as text."""
