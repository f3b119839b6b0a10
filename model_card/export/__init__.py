"""ONNX and int8 variants of a model, and their measurement."""
