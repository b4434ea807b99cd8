"""Prompts: their topics, and advice on missing ones."""
