"""Encode texts with a packaged sentence-embedding model: onnxruntime, tokenizers, numpy."""

from nic_encoder.encoder import OnnxEncoder
from nic_encoder.errors import EncoderError

__all__ = ["EncoderError", "OnnxEncoder"]
