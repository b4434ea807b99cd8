"""The production services on one machine, as plain processes."""
