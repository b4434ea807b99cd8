"""DiffRhythm's autoencoder between latents and audio."""
