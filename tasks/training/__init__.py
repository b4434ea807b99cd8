"""Train an adapter for DiffRhythm's network on a few songs; PEFT and torch are imported when training only."""
