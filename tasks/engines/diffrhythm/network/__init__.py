"""DiffRhythm's network: configuration, layers, conditioning, sampling."""
