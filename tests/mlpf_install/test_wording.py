"""A count and its noun: one is in the singular."""

import pytest

from mlpf_install.wording import counted


@pytest.mark.parametrize("thing", ["event", "process", "study", "batch", "row", "day"])
def test_one_alone_is_in_the_singular(thing):
    assert counted(1, thing) == f"1 {thing}"
    many = {counted(count, thing).split(" ")[1] for count in (0, 2, 11, 21, 101, 1.5)}
    assert len(many) == 1
    assert thing not in many


@pytest.mark.parametrize(
    ("said", "count", "thing", "form"),
    [
        ("0 events", 0, "event", ""),
        ("2 processes", 2, "process", ""),
        ("2 studies", 2, "study", ""),
        ("2 days", 2, "day", ""),
        ("2 epochs", 2, "epoch", ""),
        ("2 batches", 2, "batch", ""),
        ("1,000 held-out events", 1000, "held-out event", ","),
        ("1 cluster", 0.9, "cluster", ".0f"),
        ("0.9 clusters", 0.9, "cluster", ""),
    ],
)
def test_a_count_is_what_is_written(said, count, thing, form):
    assert counted(count, thing, form) == said
