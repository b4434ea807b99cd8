"""What engines share whose sound is decoded from latents: batches, files beside a render, the models of a recipe."""
