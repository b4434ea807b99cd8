"""Prefect's API on this machine for the duration of one command."""
