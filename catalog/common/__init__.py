"""What every package may use: settings, errors, digests, text, and what may be shown of it. Imports nothing of the
catalog but itself."""
