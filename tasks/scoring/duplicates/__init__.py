"""Candidates that sound the same."""
