from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from atlastumor.errors import PlacementError
from atlastumor.organs import find_organ
from atlastumor.synthesis.densities import measure_density, select_soft_tissue, select_tissue
from Backend.synthesis.patches import DENSITY_HU, LIVER, make_patch


def test_tumors_vessels_and_the_surface_are_no_tissue_of_the_organ() -> None:
    patch = make_patch(noise_hu=0.0)
    labels, hu = patch.labels.copy(), patch.hu.copy()
    i, j, k = patch.center
    labels[i - 4 : i, j, k], hu[i + 2 : i + 5, j, k] = LIVER.tumor_label, 900.0
    patch = dataclasses.replace(patch, labels=labels, hu=hu)

    tissue = select_tissue(patch, LIVER)

    assert not tissue[i - 4 : i, j, k].any()
    assert not tissue[i + 2 : i + 5, j, k].any()
    assert not (tissue & ~patch.organ).any()
    assert np.count_nonzero(tissue) < np.count_nonzero(patch.organ)
    assert measure_density(patch, LIVER) == DENSITY_HU


def test_the_tissue_of_a_hollow_organ_is_its_wall_and_not_its_gas() -> None:
    organ = find_organ("colon")
    patch = make_patch(noise_hu=0.0)
    hu = np.where(patch.organ, -900.0, -100.0).astype(np.float32)
    i, j, k = patch.center
    hu[i - 4 : i + 5, j - 4 : j + 5, k - 2 : k + 3] = 45.0
    patch = dataclasses.replace(patch, hu=hu)

    assert measure_density(patch, organ) == 45.0


def test_an_organ_of_nothing_but_gas_is_refused_by_name() -> None:
    patch = make_patch(noise_hu=0.0)
    patch = dataclasses.replace(patch, hu=np.full(patch.shape, -900, np.float32))

    with pytest.raises(PlacementError, match=r"colon has no voxel of soft tissue \(0 to 150 HU\)"):
        measure_density(patch, find_organ("colon"))
    assert not select_soft_tissue(patch).any()


def test_a_thin_organ_keeps_its_surface() -> None:
    patch = make_patch(noise_hu=0.0)
    organ = np.zeros(patch.shape, bool)
    organ[5:8, 5:8, 5:8] = True
    patch = dataclasses.replace(patch, organ=organ, hu=np.full(patch.shape, 60, np.float32))

    assert np.count_nonzero(select_tissue(patch, LIVER)) == 27
