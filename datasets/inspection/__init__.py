"""What is in a dataset, in numbers: where it is read from, quantities, distributions."""
