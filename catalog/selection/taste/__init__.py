"""What a studio prefers, learned from its votes: a Bradley-Terry model of differences of readings."""
