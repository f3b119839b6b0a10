"""Model card, metadata and integrity of a published model."""
