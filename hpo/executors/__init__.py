"""Where trials run: `inline` on a virtual clock, `processes` in workers of this machine."""
