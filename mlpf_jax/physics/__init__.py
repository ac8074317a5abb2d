"""What a reconstruction is worth: jet and missing-momentum response, particle efficiencies.

Columnar numpy over whole data sets. A table is anything with `offsets` (events + 1) and columns
by name, such as `datasets.events.Table`.
"""
