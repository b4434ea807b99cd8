"""What the Prefect UI shows of an album: artifacts and their pages."""
