"""Fine-tuning: pairs, split, base model, freezing, schedule, checkpoints, log."""
