"""Code that every package may import: settings, errors, digests, text and redaction. Imports nothing of the catalog
but itself."""
