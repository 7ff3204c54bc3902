"""What the tests of places share."""

from __future__ import annotations

import re

import numpy as np
import pytest

from atlastumor.errors import PlacementError
from atlastumor.organs import Organ, find_organ, label_names
from atlastumor.synthesis.patch import Patch, cut_patch, find_reach
from atlastumor.synthesis.placement import check_center, choose_center
from atlastumor.synthesis.request import TumorRequest
from atlastumor.volume import LabelMap
from Backend.synthesis.made_case import Case

Voxel = tuple[int, int, int]


def with_labels(case: Case, array: np.ndarray) -> Case:
    """The same scan with other labels."""
    return Case(case.scan, LabelMap(array, case.labels.grid, label_names()))


def draw(case: Case, request: TumorRequest, seed: int) -> Voxel:
    """A center drawn with a seed."""
    rng = np.random.default_rng(seed)
    return choose_center(case.scan, case.labels, find_organ(request.organ), request, rng)


def click(case: Case, organ: Organ, ras: tuple[float, float, float]) -> Voxel:
    """The center of a click."""
    return check_center(case.scan, case.labels, organ, ras)


def patch_at(case: Case, organ: Organ, center: Voxel, diameter_mm: float) -> Patch:
    """The patch for a tumor of some size at a voxel."""
    return cut_patch(case.scan, case.labels, organ, center, find_reach(diameter_mm))


def largest_named(error: pytest.ExceptionInfo[PlacementError]) -> float:
    """The size that a refusal says would fit, mm."""
    return float(re.findall(r"the largest that does is (\d+) mm", str(error.value))[0])
