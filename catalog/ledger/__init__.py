"""The ledger: work that is declared, leased, committed or failed in SQL, and its results."""
