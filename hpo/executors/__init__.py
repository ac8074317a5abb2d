"""Where trials run: `inline` on a virtual clock, `processes` in workers of this machine.

`protocol` is what a study asks of an executor; what an objective does is made events in `running`.
"""
