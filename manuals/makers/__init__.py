"""Makers of queries from the structure of manuals, one kind of structure each.

`table.MAKERS` lists them by the origin that their pairs carry.
"""
