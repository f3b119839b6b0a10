"""What `nic-check` looks for in a file of pairs."""
