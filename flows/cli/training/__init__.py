"""``songline train``: the command itself, and what it prints."""
