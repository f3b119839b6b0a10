"""Retrieval metrics as an `evaluate.Metric`; the folder can be copied and loaded alone."""
