"""What several commands share: options, lookups, exit codes, repeated output."""
