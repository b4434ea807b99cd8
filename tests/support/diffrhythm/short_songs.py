"""Songs of a few frames for a tiny full model."""

from __future__ import annotations

FULL, VAE, DATA = "diffrhythm-1.2-full", "diffrhythm-vae", "diffrhythm-data"
FRAMES = 96
ONE, TWO = [[[5, [20, 21, 22, 3]]], [[9, [40, 41, 42, 3]], [50, [7, 8, 9, 10]]]]
