"""Processes that run Prefect: what they may do, their logs, workers and deployed flow runs."""
