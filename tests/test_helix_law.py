"""The helix stands twice, in numpy for the simulation and in JAX for the models: one formula.

`mlpf_jax` may know nothing of the simulation, so that this law holds the two together.
"""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from datasets import schema
from datasets.constants import GEV_PER_TESLA_MM
from datasets.simulation.tracker import helix
from mlpf_jax.model import geometry

FACE = schema.CLIC_FACE
GRAZING = 2e-4  # of the barrel: who just reaches it and who just does not end far apart
FLATTEST = 1e-3  # tan(lambda) below which the models follow a particle that curls no farther

charges = st.sampled_from([-1.0, 1.0])
fields = st.floats(0.1, 8.0) | st.floats(-8.0, -0.1)
angles = st.floats(-np.pi, np.pi)
slopes = st.floats(-4.0, 2.0).map(lambda x: 10.0**x) | st.floats(-4.0, 2.0).map(
    lambda x: -(10.0**x)
)
momenta = st.floats(-1.7, 3.0).map(lambda x: 10.0**x)  # GeV, from 20 MeV


def row_of(state: helix.Perigee) -> np.ndarray:
    """A track as models see it, but for what does not tell where it goes."""
    x = np.zeros(schema.ELEMENT_WIDTH, np.float32)
    x[schema.track("elemtype")] = schema.TRACK
    x[schema.track("omega")] = state.omega[0]
    x[schema.track("tanLambda")] = state.tanLambda[0]
    x[schema.track("sin_phi")] = np.sin(state.phi[0])
    x[schema.track("cos_phi")] = np.cos(state.phi[0])
    return x


def ends(path: helix.Path) -> np.ndarray:
    """Unit vector to where the simulation lets a path from the origin end."""
    position = helix.to_face(path, *FACE, longest=np.inf).position[0]
    return position / np.linalg.norm(position)


def straight(phi: float, slope: float) -> helix.Path:
    return helix.Path(*(np.array([v]) for v in (0.0, 0.0, 0.0, phi, 0.0, slope)))


def to_models(path: helix.Path) -> np.ndarray:
    """The same, from the JAX formula; what it is told has 32 bits."""
    state = helix.Perigee(*(np.zeros(1),) * 2, path.phi, -path.turn, path.slope)
    return np.asarray(geometry.face_direction(row_of(state)), float)


@settings(max_examples=300, deadline=None)
@given(momenta, slopes, angles, charges, fields)
def test_both_follow_a_particle_to_the_same_place(pt, slope, phi, charge, field):
    momentum = (np.array([v]) for v in (pt * np.cos(phi), pt * np.sin(phi), pt * slope))
    path = helix.path_of(np.zeros((1, 3)), *momentum, np.array([charge]), field)
    half_turn = FACE[0] * abs(path.turn[0]) / 2
    assume(abs(half_turn - 1) > GRAZING)
    assume(half_turn < 1 or abs(slope) > FLATTEST)
    # The rounding of 32 bits in each radian of turning.
    to_end = FACE[1] / abs(slope)
    arc = to_end if half_turn > 1 else min(to_end, FACE[0] * np.pi / 2)
    np.testing.assert_allclose(
        to_models(path), ends(path), atol=1e-5 + 2e-7 * abs(path.turn[0]) * arc
    )


@given(angles, slopes | st.just(0.0))
def test_both_go_straight_on_without_curvature(phi, slope):
    np.testing.assert_allclose(
        to_models(straight(phi, slope)), ends(straight(phi, slope)), atol=1e-6
    )


@pytest.mark.parametrize("side", [-1, 1])
def test_at_the_edge_of_barrel_and_end_both_end_at_the_edge(side):
    """A little less and a little more slope end on one and on the other, at the same place."""
    radius, half_length = FACE
    turn = GEV_PER_TESLA_MM * 4.0 / 1.5
    arc = 2 * np.arcsin(radius * turn / 2) / turn
    for nudge in (-1e-4, 0.0, 1e-4):
        slope = np.array([side * half_length / arc * (1 + nudge)])
        path = straight(0.3, 0.0)._replace(turn=np.array([-turn]), slope=slope)
        np.testing.assert_allclose(to_models(path), ends(path), atol=1e-5)
        np.testing.assert_allclose(np.abs(ends(path)[2]), half_length / np.hypot(*FACE), rtol=1e-3)


@settings(max_examples=50, deadline=None)
@given(momenta, slopes, angles, fields)
def test_either_sign_of_field_or_charge_turns_the_other_way(pt, slope, phi, field):
    momentum = [np.array([v]) for v in (pt * np.cos(phi), pt * np.sin(phi), pt * slope)]

    def turn(charge: float, field: float) -> float:
        return helix.path_of(np.zeros((1, 3)), *momentum, np.array([charge]), field).turn[0]

    assert turn(1.0, field) == -turn(-1.0, field) == -turn(1.0, -field) == turn(-1.0, -field)
    assert np.sign(turn(1.0, field)) == -np.sign(field)  # LCIO: omega has the sign of q B
