"""Reading: the rows of a file, folder or data set of any known format, one at a time."""
