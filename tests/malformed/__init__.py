"""Malformed inputs, and the one line that each gives: docs/malformed.md is made of them."""
