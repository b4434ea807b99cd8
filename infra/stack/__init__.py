"""The production services of one machine as plain processes."""
