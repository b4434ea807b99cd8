"""The DiffRhythm engine: a diffusion transformer that sings lyrics in a given style."""
