"""Measurements for mastering: input checks, references, spectra, reports."""
