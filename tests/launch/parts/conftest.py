"""Groups that live faster."""

import pytest

from launch.parts import meeting


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(meeting, "BEAT_S", 0.02)
    monkeypatch.setattr(meeting, "LOOK_S", 0.005)
    monkeypatch.setattr(meeting, "LEAVING_S", 2.0)
    return monkeypatch
