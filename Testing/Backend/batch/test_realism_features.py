"""What is measured of a tumor, against formulas and the initiative's own phantom."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from atlastumor.batch.realism.features import FEATURES, measure_features
from atlastumor.batch.realism.texture import GRID_MM, find_differences, resample_evenly
from atlastumor.batch.realism.view import TumorView, cut_view
from atlastumor.components import Region
from atlastumor.organs import find_organ
from atlastumor.volume import Grid, LabelMap, Scan

IBSI_HU = np.array(
    [
        [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [1, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 1, 1, 1], [1, 1, 9, 1, 1], [1, 1, 6, 1, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
    ]
)
"""Digital phantom of the Image Biomarker Standardisation Initiative (CC BY 4.0), (z, y, x)."""

SPACING_MM = (1.0, 0.8, 3.0)


def ibsi_mask() -> np.ndarray:
    mask = np.ones(IBSI_HU.shape, bool)
    mask[1, 2, 0] = mask[2, 2, 2] = False
    mask[2:, 0, 3:] = False
    return mask


def make_ball(
    diameter_mm: float = 16.0,
    contrast_hu: float = -40.0,
    *,
    blur_mm: float = 0.0,
    noise_hu: tuple[float, float] = (0.0, 0.0),
) -> TumorView:
    """A ball in a block of organ of 100 HU; the noise of the tumor and of the organ."""
    shape = (48, 60, 16)
    offsets = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(shape, SPACING_MM, strict=True)]
    away = np.sqrt(sum(x**2 for x in np.meshgrid(*offsets, indexing="ij"))) - diameter_mm / 2
    tumor = away <= 0
    share = tumor.astype(float) if not blur_mm else np.clip(0.5 - away / blur_mm, 0, 1)
    noise = np.random.default_rng(0).normal(0, 1, shape) * np.where(tumor, *noise_hu)
    hu = (100.0 + contrast_hu * share + noise).astype(np.float32)
    near = (away > 3.0) & (away <= 15.0)
    return TumorView(hu, tumor, ~tumor, near, SPACING_MM)


def test_the_initiatives_phantom_gives_its_numbers() -> None:
    """Values of its reference manual: "very strong" consensus."""
    view = TumorView(
        IBSI_HU.astype(np.float32),
        ibsi_mask(),
        np.zeros(IBSI_HU.shape, bool),
        np.zeros(IBSI_HU.shape, bool),
        (2.0, 2.0, 2.0),
    )

    found = measure_features(view)

    assert found["volume_ml"] == pytest.approx(0.592)
    assert found["mean_hu"] == pytest.approx(2.15, abs=0.005)
    assert found["sd_hu"] ** 2 == pytest.approx(3.05, abs=0.005)
    assert found["skewness"] == pytest.approx(1.08, abs=0.005)
    assert (found["p10_hu"], found["p90_hu"]) == (1.0, 4.0)
    area_mm2 = math.cbrt(36 * math.pi * 592**2) / found["sphericity"]
    assert area_mm2 == pytest.approx(388, abs=3)


def test_the_initiatives_phantom_gives_its_texture() -> None:
    """Its contrast and inverse difference moment, 3D, merged: 5.12 and 0.631."""
    counts = find_differences(IBSI_HU, ibsi_mask())
    share, apart = counts / counts.sum(), np.arange(len(counts))

    assert share @ apart**2 == pytest.approx(5.12, abs=0.005)
    assert share @ (1 / (1 + apart**2)) == pytest.approx(0.631, abs=0.0005)


def test_a_ball_measures_what_its_formula_says() -> None:
    found = measure_features(make_ball())

    assert found["diameter_mm"] == pytest.approx(16.0, rel=0.02)
    assert found["volume_ml"] == pytest.approx(math.pi / 6 * 16**3 / 1000, rel=0.05)
    assert 0.8 < found["sphericity"] < 1.0
    assert found["contrast_hu"] == pytest.approx(-40.0)
    assert found["sd_hu"] == 0.0
    assert math.isnan(found["skewness"])
    assert math.isnan(found["detail_ratio"])
    assert found["texture_contrast"] < 0.3  # of an even ball: the border alone
    assert found["texture_homogeneity"] > 0.88


def test_a_sharp_border_rises_within_a_voxel_and_a_blurred_one_over_its_width() -> None:
    sharp = measure_features(make_ball())
    blurred = measure_features(make_ball(24.0, blur_mm=6.0))

    assert sharp["border_gradient_hu_per_mm"] == pytest.approx(40 / 0.9, rel=0.03)  # 1 and 0.8 mm
    assert sharp["border_width_mm"] == pytest.approx(0.9, rel=0.03)
    assert 4.0 < blurred["border_width_mm"] < 12.0  # 6 mm, seen along the axes


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_fine_detail_is_told_against_the_organs(ratio: float) -> None:
    found = measure_features(make_ball(22.0, noise_hu=(10.0 * ratio, 10.0)))

    assert found["detail_ratio"] == pytest.approx(ratio, rel=0.06)


def test_noise_makes_texture() -> None:
    even, rough = (measure_features(make_ball(22.0, noise_hu=(n, 10.0))) for n in (5.0, 20.0))

    assert rough["texture_contrast"] > 2.5 * even["texture_contrast"]
    assert rough["texture_homogeneity"] < even["texture_homogeneity"]


def test_what_cannot_be_told_is_no_number() -> None:
    view = make_ball()
    nothing = np.zeros(view.tumor.shape, bool)

    alone = measure_features(replace(view, organ=nothing, near=nothing))
    faint = measure_features(make_ball(contrast_hu=-5.0))

    assert math.isnan(alone["contrast_hu"])
    assert math.isnan(alone["border_gradient_hu_per_mm"])
    assert math.isnan(alone["border_width_mm"])
    assert math.isnan(faint["border_width_mm"])
    assert set(alone) == {feature.key for feature in FEATURES}


def test_resampling_keeps_volume_and_middle() -> None:
    view = make_ball(20.0)

    hu, mask = resample_evenly(view.hu, view.tumor, view.spacing_mm)

    assert mask.sum() * GRID_MM**3 == pytest.approx(math.pi / 6 * 20**3, rel=0.05)
    assert np.argwhere(mask).mean(axis=0) == pytest.approx((np.array(mask.shape) - 1) / 2, abs=0.1)
    assert hu[mask].mean() == pytest.approx(60.0, abs=4.0)


def test_a_view_sorts_tissue_from_what_is_none_and_keeps_from_other_tumors() -> None:
    liver = find_organ("liver")
    labels = np.full((60, 40, 20), liver.label, np.uint8)
    labels[28:32, 18:22, 9:11] = liver.tumor_label
    labels[36:38, 18:22, 9:11] = liver.tumor_label
    labels[:, :5] = 0
    hu = np.full(labels.shape, 100, np.int16)
    hu[28:30, 25] = 400
    grid = Grid(labels.shape, np.diag([1.0, 1.0, 2.0, 1.0]))
    box = (slice(28, 32), slice(18, 22), slice(9, 11))

    view = cut_view(
        Scan(hu, grid), LabelMap(labels, grid, {}), liver, Region(box, np.ones((4, 4, 2), bool))
    )

    assert view.tumor.sum() == 32
    assert view.in_plane == (0, 1)
    start = np.array([28 - 15, 18 - 15, 9 - 8])
    for voxel, (is_organ, is_near) in {
        (33, 20, 9): (True, False),  # 2 mm away: blurred with it
        (20, 20, 9): (True, True),
        (34, 20, 9): (True, False),  # 3 mm from the other one
        (37, 20, 9): (False, False),  # the other one
        (29, 25, 9): (False, False),  # too dense
        (29, 3, 9): (False, False),  # no organ
    }.items():
        at = tuple(np.array(voxel) - start)
        assert (bool(view.organ[at]), bool(view.near[at])) == (is_organ, is_near), voxel
