"""The data of an album: manifests, plans, ledger, artifact store, selection, lineage. Imports ``db`` and no package
above it."""
