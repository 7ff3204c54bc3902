"""Fixtures of everything that reviews: a folder of one case, and a reader at work on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlastumor.review.session import ReviewSession
from Backend.review.cohort import open_session, write_case


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    folder = tmp_path / "predictions"
    write_case(folder / "case-1")
    return folder


@pytest.fixture
def a_session(tmp_path: Path, predictions: Path) -> ReviewSession:
    session = open_session(tmp_path / "review", predictions)
    session.show("case-1")
    return session
