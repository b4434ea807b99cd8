"""Delivery: masters encoded, tagged, read back and packed as a release."""
