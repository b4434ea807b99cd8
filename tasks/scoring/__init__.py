"""Scoring: metrics of candidates, by measures (without models) and by judges (with models)."""
