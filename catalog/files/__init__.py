"""Files of this machine: atomic writes, permissions, paths confined to a folder, locks held by a process."""
