"""The made-up scan that the tests of synthesis share."""

from __future__ import annotations

import pytest

from Backend.synthesis.made_case import Case, make_case


@pytest.fixture(scope="session")
def a_case() -> Case:
    """Six organs on an anisotropic grid; its arrays are read-only."""
    return make_case()
