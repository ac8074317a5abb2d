"""A benchmark model that costs next to nothing."""

from benchmarks.models.protocol import Size

TINY = Size(
    layers=1, width=16, bin_size=16, distance=8, distance_hidden=8, distance_layers=1,
    messages=1, max_bins=16,
)  # fmt: skip
