"""Which particle each element should become, and the rows a model learns from."""
