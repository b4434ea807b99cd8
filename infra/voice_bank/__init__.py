"""Makes the voice banks of the guide's singers from flite's voices; run by a developer, never by a user."""
