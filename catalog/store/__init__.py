"""The artifact store: immutable bytes by their SHA-256, in a folder or a bucket, and the garbage collection of
unreferenced ones."""
