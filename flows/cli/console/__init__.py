"""Shared parts of commands: options, lookups, exit codes, repeated output."""
