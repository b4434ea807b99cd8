"""Separation: stems of a winner, by its engine or by a model."""
