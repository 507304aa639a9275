"""Training: recipe, loop, exponential moving average, checkpoints, sample sheets."""
