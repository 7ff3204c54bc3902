"""What holds for every synthetic tumor on every scan."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from atlastumor.organs import find_organ
from atlastumor.synthesis.result import SynthesisResult
from atlastumor.volume import LabelMap
from Backend.synthesis.made_case import Case


def find_tumor(result: SynthesisResult, before: LabelMap) -> np.ndarray:
    """Where a tumor is that was not there before."""
    label = find_organ(result.request.organ).tumor_label
    return (result.labels.array == label) & (before.array != label)


def check_contract(case: Case, result: SynthesisResult) -> None:
    """What holds for every tumor on every scan."""
    organ = find_organ(result.request.organ)
    tumor, scan = find_tumor(result, case.labels), case.scan
    diameter = math.cbrt(6 / math.pi * tumor.sum() * scan.grid.voxel_ml * 1000)
    assert result.diameter_mm == pytest.approx(diameter)
    assert diameter == pytest.approx(result.request.diameter_mm, rel=0.1)
    assert result.scan.array.dtype == scan.array.dtype
    assert result.scan.grid is scan.grid
    far = np.ones(scan.grid.shape, bool)  # whole scans are too large for a map of distances
    away = ndimage.distance_transform_edt(~tumor[result.box], scan.grid.spacing_mm)
    far[result.box] = away > result.margin_mm
    assert result.scan.array[far].tobytes() == scan.array[far].tobytes()
    assert np.array_equal(result.labels.array[far], case.labels.array[far])
    assert ndimage.label(tumor, np.ones((3, 3, 3)))[1] == 1
    i, j, k = (slice(*side) for side in result.lesion.box)
    assert tumor[i, j, k].sum() == tumor.sum()
    assert result.lesion.volume_ml == pytest.approx(tumor.sum() * scan.grid.voxel_ml)
    assert result.labels.names[organ.tumor_label] == organ.tumor_files[0]
    beyond = ~np.isin(case.labels.array[tumor], organ.labels)
    assert beyond.mean() == pytest.approx(result.outside_share)
    assert beyond.mean() <= result.request.max_outside
    if not organ.hollow and not result.request.exophytic:
        assert np.isin(case.labels.array[tumor], organ.labels).all()
