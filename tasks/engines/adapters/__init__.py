"""LoRA adapters of songs, for every engine whose networks take them: settings, recipes, notices and registration."""
