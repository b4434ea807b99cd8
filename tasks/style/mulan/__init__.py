"""MuQ-MuLan: text and music in one space."""
