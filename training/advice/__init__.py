"""`nic-advise`: the cheapest way to search a file's passages that no dearer one beats."""
