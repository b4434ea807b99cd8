"""Instruments synthesised in numpy: drums, basses, keys, strings and saws, the same samples for the same notes."""
