"""Samplers of a QUBO: what one is and returns, each of them, and their names."""
