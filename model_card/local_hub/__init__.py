"""A folder that serves as a hub: `LocalHub` in `hub.py`; open it with `open_hub`."""
