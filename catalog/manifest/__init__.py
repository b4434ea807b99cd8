"""The manifest: an album in a file, read with every fault and its line, checked, defaults filled in."""
