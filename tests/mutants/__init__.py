"""A small mutation run, `python -m tests.mutants`: how to read it is in docs/testing.md."""
