"""Style: prompts and reference recordings as vectors that engines are conditioned on."""
