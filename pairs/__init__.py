"""Everything between a user's files and a checked, split data set."""
