"""Figures for those who watch: albums, counts, speed and cost of renders."""
