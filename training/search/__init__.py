"""The search over training settings: its space, its trials, and which settings are taken."""
