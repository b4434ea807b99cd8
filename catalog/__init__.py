"""What is known: manifests, plans, ledger, artifact store, selection, lineage. Imports ``db`` and no package
above."""
