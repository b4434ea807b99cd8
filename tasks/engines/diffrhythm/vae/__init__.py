"""DiffRhythm's autoencoder between latents and sound."""
