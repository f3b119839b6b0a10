"""The frozen layers of an encoder, and their outputs, which are computed once."""
