"""The one error of this package."""

from __future__ import annotations


class EncoderError(ValueError):
    """A model cannot be found, read or used; the message says what, where and what to do."""
