"""The pipeline of one album: its steps in order, who executes them, what is missing and how far it is."""
