"""Generates parts of ``docs/`` from the code: metrics, manifest fields, commands, settings, models."""
