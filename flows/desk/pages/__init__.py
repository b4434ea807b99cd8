"""The pages on albums, releases, lineage and disk use."""
