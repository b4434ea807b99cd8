"""Figures for monitoring: albums, counts, speed and cost of renders."""
