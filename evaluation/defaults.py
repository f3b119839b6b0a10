"""Defaults that the command line shows before PyTorch is imported."""

from __future__ import annotations

# Texts that are encoded at a time; the batch size changes no metric.
BATCH_SIZE = 64
# Names that `--probe` takes in place of a file.
GENERAL_PROBE, NO_PROBE = "general", "none"
