"""Sends the bytes of artifacts: whole, or the part that a player asks for."""
