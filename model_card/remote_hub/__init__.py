"""An endpoint that huggingface_hub can talk to: `RemoteHub` in `hub.py`; see `open_hub`."""
