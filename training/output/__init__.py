"""The output folder: what a run writes there, the packaged model, and its publication."""
