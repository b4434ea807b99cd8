"""Near-duplicate candidates: those that sound the same."""
