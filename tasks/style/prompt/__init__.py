"""Prompts: what they say, what they leave open."""
