"""The command line of a training: its flags, a file of them, their help, and what was asked."""
