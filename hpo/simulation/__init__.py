"""Studies on curves that are known: a virtual clock, tables, records, methods side by side."""
