"""Ground of all rooms: errors, files, models, command line, logs, devices and HTML."""

__version__ = "1.0.0"
