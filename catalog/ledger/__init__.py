"""The ledger: work declared, leased, committed or failed in SQL, and what came of it."""
