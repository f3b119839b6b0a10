"""Queries that a language model writes, through any endpoint that speaks OpenAI's protocol.

`queries.generate_pairs` makes pairs of passages; `endpoint`, `prompt` and `answers` are its parts.
"""
