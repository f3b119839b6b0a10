"""Hard negatives that no file brings: mined from the passages, for a training and `nic-mine`."""
