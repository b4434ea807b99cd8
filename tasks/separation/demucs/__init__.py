"""Separation by Demucs: checkpoints, chunks, ensembles, residual."""
