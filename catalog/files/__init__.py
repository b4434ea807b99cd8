"""Files of this machine: whole or not at all, with the right permissions, confined to their folder, locked by a
process."""
