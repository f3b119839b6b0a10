"""The training loop: loss, freezing, cache, schedule, checkpoints, interruption."""
