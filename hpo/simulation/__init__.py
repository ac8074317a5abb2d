"""Studies on tabulated learning curves: a virtual clock, the tables, methods side by side."""
