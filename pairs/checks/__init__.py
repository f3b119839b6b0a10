"""What `nic-check` looks for in a file of pairs, and how it reports it.

Other rooms may use `pairs.checks.run`, which checks a file.
"""
