"""Every reader of files from outside, put to damaged files: python -m tests.fuzz."""
