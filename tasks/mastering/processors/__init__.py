"""Processors of the mastering chain: equaliser, dynamics, effects, limiter."""
