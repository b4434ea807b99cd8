"""The parts of ``docs/`` that are made from the code: metrics, manifest fields, commands, settings, models."""
