"""Style: prompts and reference recordings as vectors that condition engines."""
