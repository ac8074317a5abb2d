"""Where trials run: `inline` on a virtual clock, `processes` in workers of this machine, `ray` in
those of a cluster. What each trial is given are its `resources`; several processes that train one
together are a worker, a `group`.

`protocol` is what a study asks of an executor; what an objective does is made events in `running`.
"""
