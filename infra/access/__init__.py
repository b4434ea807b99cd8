"""Database roles, buckets and credentials of a farm, set up before workers start."""
