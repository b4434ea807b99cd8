"""Model files: the table of known models, their licences, and the store that installs and verifies them."""
