"""The model card and the metadata that it is rendered from."""
