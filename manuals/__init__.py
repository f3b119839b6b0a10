"""Manuals: from documents, work orders and a local language model to pairs to train on."""
