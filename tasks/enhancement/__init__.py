"""Enhancement: members that treat a winner before it is mastered."""
