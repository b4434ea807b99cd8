"""Network weights: read from untrusted files, and the memory they take."""
