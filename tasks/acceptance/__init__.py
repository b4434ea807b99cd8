"""Acceptance: written files examined for faults of level, shape and format."""
