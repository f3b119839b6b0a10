"""The folder that is published: which files, their integrity and signature."""
