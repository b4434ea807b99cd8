"""Inboxes: manifests that wait in a folder or a bucket, and the reports left beside them."""
