"""The fast simulation held against full simulation and against its own truth."""
