"""Readings that mastering goes by: input checks, references, spectra, reports."""
