"""Training: recipes, batches, losses, the stages and their loop."""
