"""What a reconstruction is worth: the evaluation protocol, and the figures it is made of.

Columnar numpy over whole data sets, callable from a notebook: `evaluation` compares the model's
particles with the rule-based baseline, the bare calorimeter and the truth; `response` and
`particles` are its figures. Jets, their matching and missing pt come from `datasets.jets`.
"""
