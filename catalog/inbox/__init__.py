"""Inboxes: manifests in a folder or a bucket, and the reports written beside them."""
