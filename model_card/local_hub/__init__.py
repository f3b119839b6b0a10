"""A folder that behaves like a hub."""
