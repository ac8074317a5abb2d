"""Hyperparameters and spaces of every kind, for laws."""

import string

from hypothesis import assume, settings
from hypothesis import strategies as st

from hpo.space import Categorical, Float, Int, LogFloat, LogInt, Space, When

many = settings(max_examples=60, deadline=None)
floats = st.floats(-1e6, 1e6, allow_nan=False)
positive = st.floats(1e-8, 1e8)
values = st.lists(
    st.one_of(st.integers(-5, 5), st.booleans(), st.text(max_size=3), floats),
    min_size=1,
    max_size=5,
    unique_by=lambda v: (v, isinstance(v, bool)),
)


@st.composite
def parameters(draw):
    kind = draw(st.sampled_from([Float, LogFloat, Int, LogInt, Categorical]))
    if kind is Categorical:
        return Categorical(*draw(values))
    if kind.integer:
        low, high = sorted(draw(st.tuples(*[st.integers(1, 10**6)] * 2)))
        step = draw(st.none() | st.integers(1, 50))
    else:
        low, high = sorted(draw(st.tuples(*[positive if kind.log else floats] * 2)))
        step = draw(st.none() | st.floats(0.01, 50))
    if kind.log and step:
        assume(step <= low)
    return kind(low, high, step) if step else kind(low, high)


@st.composite
def spaces(draw):
    """Up to five hyperparameters; some of them under a condition on one before them."""
    chosen = {}
    for name in draw(
        st.lists(st.text(string.ascii_lowercase, min_size=1), min_size=1, max_size=5, unique=True)
    ):
        parameter = draw(parameters())
        parents = [
            n for n, p in chosen.items() if isinstance(getattr(p, "parameter", p), Categorical)
        ]
        if parents and draw(st.booleans()):
            parent = draw(st.sampled_from(parents))
            options = getattr(chosen[parent], "parameter", chosen[parent]).values
            parameter = When(
                parent, tuple(draw(st.lists(st.sampled_from(options), min_size=1))), parameter
            )
        chosen[name] = parameter
    return Space(chosen)
