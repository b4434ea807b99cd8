"""LoRA adapters: their files, their digest, and how they are merged into a network's weights."""
