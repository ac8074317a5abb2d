"""Programs, as tests of launch start them."""

from tests.launch.conftest import launch

__all__ = ["launch"]
