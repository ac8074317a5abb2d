"""The front door: `tune` any training in ten lines, and the `Study` that comes of it.

`tuning` and `study` are what a user calls; `trial`, `states` and `loops` what an objective meets;
`spaces`, `rules`, `reaching` and `gate` make of a user's words what the other rooms take.
"""
