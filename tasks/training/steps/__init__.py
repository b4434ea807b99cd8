"""The steps of a training as the ledger runs them, and the document from which they follow."""
