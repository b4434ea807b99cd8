"""The manifest: reads an album from a file, reports every fault with its line, and fills in defaults."""
