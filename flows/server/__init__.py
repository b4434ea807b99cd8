"""The Prefect server: deployments, access of workers, notifications, metrics."""
