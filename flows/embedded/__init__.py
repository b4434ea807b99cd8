"""Prefect's own API on this machine, for as long as one command runs."""
