"""Why a document cannot be read."""

from __future__ import annotations


class Unreadable(Exception):
    """A document that cannot be read; the message says why and what to do, on one line."""
