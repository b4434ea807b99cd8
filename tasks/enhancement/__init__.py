"""Enhancement: processors ("members") that improve a winner before it is mastered."""
