"""The guide's singer: from words and notes to a sung voice, on a CPU and without a neural network."""
