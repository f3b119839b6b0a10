"""Retrieval evaluation, domain by domain."""
