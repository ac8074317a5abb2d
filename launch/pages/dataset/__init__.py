"""The page of a dataset, or of two beside each other."""
