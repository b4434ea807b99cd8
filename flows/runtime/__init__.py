"""Processes that run Prefect: restrictions, logs, workers and deployed flow runs."""
