"""How a step is done: engines, scoring, mastering, separation, delivery. Audio in, audio out."""
