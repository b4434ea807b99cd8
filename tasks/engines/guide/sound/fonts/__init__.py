"""Reads SoundFont files: tables, generators, zones and samples."""
