"""Tags of delivered files, in every format."""
