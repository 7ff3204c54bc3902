"""Fixtures for everything that writes results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atlastumor.organs import label_names
from atlastumor.volume import LabelMap, Scan
from Backend.results.examples import (
    FakeSegmentation,
    make_scan,
    make_segmentation,
    make_specks,
)


@pytest.fixture
def a_scan() -> Scan:
    return make_scan()


@pytest.fixture
def a_segmentation(a_scan: Scan) -> FakeSegmentation:
    return make_segmentation(a_scan)


@pytest.fixture
def many_tumors(a_scan: Scan) -> FakeSegmentation:
    """241 tumors of the liver and one of a kidney."""
    return make_segmentation(a_scan, make_specks(a_scan.grid))


@pytest.fixture
def a_clean_segmentation(a_scan: Scan) -> FakeSegmentation:
    """Nothing of interest in view."""
    labels = LabelMap(np.zeros(a_scan.grid.shape, np.uint8), a_scan.grid, label_names())
    return make_segmentation(a_scan, labels)


@pytest.fixture
def a_folder(tmp_path: Path) -> Path:
    return tmp_path / "result"
