"""The pictures of a dataset page: of which events, and of values that are not finite."""

import numpy as np

from datasets import schema
from datasets.inspection import quantities
from datasets.inspection.measures import measure_all
from launch.pages.dataset import events, histograms
from tests.datasets.inspection.made_up import made_up


def test_values_that_are_not_finite_can_be_drawn():
    samples = made_up("clusters", 2, np.array([20]))
    samples.X[:3, 1:] = np.nan
    samples.X[3:6, 1:] = np.inf
    samples.ytarget[6:9, 1:] = np.nan
    track = schema.ELEMENTS["clusters"].parts[0]
    measured = list(measure_all([quantities.features(samples, track)]))
    figure = histograms.histograms("made-up", measured[6:10], [histograms.Series("", "blue")])
    assert figure.picture.count("not finite") == 4
    drawn = events.picture(samples, 0, "made up").picture
    assert drawn.count("<svg") == 3
    assert "nan" not in drawn
    turned = events.in_three(samples, 0, "made up", "event").picture
    assert "<canvas" in turned
    assert "NaN" not in turned


def test_pictures_are_of_events_with_targets():
    samples = made_up("clusters", 4, np.array([3, 0, 4, 5, 2, 6]))
    samples.ytarget[:7, 0] = 0  # the events 0 and 2
    assert events.choose(samples, 10) == [3, 4, 5]
    assert len(events.choose(samples, 2)) == 2
    assert events.choose(samples, 2) == events.choose(samples, 2)


def test_tracks_are_drawn_as_helices_inside_the_tracker_straight_ones_too():
    part = schema.ELEMENTS["clusters"].parts[0]
    X = np.zeros((3, schema.ELEMENT_WIDTH), np.float32)
    X[:, part.features.index("cos_phi")] = 1
    X[:, part.features.index("tanLambda")] = 0.5
    X[:, part.features.index("omega")] = 1e-3, 0, np.nan
    tracks = events._Elements(part, X, np.zeros((3, schema.TARGET_WIDTH)), np.ones(3))
    x, y, z = (1e3 * values for values in events._helices(tracks))
    # a circle of 1 m that a positive charge goes down from the origin along x
    centre = np.hypot(x[0], y[0] + 1000)
    np.testing.assert_allclose(centre[np.isfinite(centre)], 1000, rtol=1e-6)
    assert (y[0, 1:5] < 0).all()
    inside = np.isfinite(x[1])
    np.testing.assert_allclose(z[1, inside], 0.5 * x[1, inside])
    assert (y[1, inside] == 0).all()
    assert 1400 < np.nanmax(x[1]) < 1500
    assert np.isnan(x[2]).all()
