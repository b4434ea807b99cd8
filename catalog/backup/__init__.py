"""Backups of catalog and store together, and the rows of the catalog as text."""
