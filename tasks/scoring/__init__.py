"""Scoring: metrics of candidates, by measures and by judges."""
