"""Candidates lie on the CT whatever way the file runs, in numbers and in the picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from atlastumor.batch.cohort import Case

SHAPE = (26, 22, 14)
LESION = np.s_[4:12, 3:8, 2:5]
OTHER = np.s_[18:23, 14:20, 9:12]
"""Far from the middle along every axis, so that any flip moves them elsewhere."""
RIM = 10
"""Pixels by which an outline may lie outside: half a slice."""
LESION_HU, TISSUE_HU = 200, -100
SPACINGS = {"R": 1.2, "L": 1.2, "A": 0.9, "P": 0.9, "S": 2.0, "I": 2.0}
LEFT_HANDED = ("LAS", "RPS", "ASL")


def affine_of(axcodes: str) -> np.ndarray:
    """An affine whose axes run as the letters say."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, letter in enumerate(axcodes):
        world = next(n for n, pair in enumerate(("RL", "AP", "SI")) if letter in pair)
        affine[world, column] = SPACINGS[letter] * (1 if letter in "RAS" else -1)
    affine[:3, 3] = (31.0, -17.0, 45.0)
    return affine


@pytest.fixture(params=["RAS", "LPS", *LEFT_HANDED])
def a_case(request: Any, a_froc_panel: Any, tmp_path: Path) -> Iterator[Any]:
    """A case from files of one orientation, opened, with its candidates at 0.5."""
    from AtlasFROCLib.Cases import loadCase

    affine = affine_of(request.param)
    assert (np.linalg.det(affine) < 0) == (request.param in LEFT_HANDED)
    probability, mask = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.uint8)
    probability[LESION], probability[OTHER], mask[LESION] = 0.9, 0.6, 1
    ct = np.where(probability > 0, LESION_HU, TISSUE_HU).astype(np.int16)
    place = tmp_path / "case"
    for name, array in (
        ("probabilities/liver_tumor", probability),
        ("segmentations/liver_lesion", mask),
        ("ct", ct),
    ):
        path = place / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(array, affine), path)
    logic = a_froc_panel.logic
    case = loadCase(Case("case", place, place), "liver", scans=None, floor=0.01, minVolumeMm3=30.0)
    logic.view.open(case)
    logic.view.show(case.tree.candidates(0.5))
    yield case, logic.view.node, affine
    logic.view.open(None)
    case.close()


def test_candidates_and_lesions_are_the_voxels_of_the_ct(a_case: Any) -> None:
    import slicer

    case, node, _affine = a_case
    bright = slicer.util.arrayFromVolume(case.scanNode) > 0
    united = np.zeros_like(bright)
    for segment, n_voxels in (("hits", LESION), ("others", OTHER), ("lesions", LESION)):
        array = slicer.util.arrayFromSegmentBinaryLabelmap(
            node, f"AtlasFROC_{segment}", case.scanNode
        ).astype(bool)
        assert np.count_nonzero(array) == np.zeros(SHAPE)[n_voxels].size
        united |= array

    assert (united == bright).all()


def test_places_are_those_of_the_file(a_case: Any) -> None:
    case, _node, affine = a_case
    (lesion,) = case.lesions.lesions
    middle = [(part.start + part.stop - 1) / 2 for part in LESION]

    assert case.toWorld(lesion.center_ijk) == pytest.approx(affine[:3, :3] @ middle + affine[:3, 3])


@pytest.mark.parametrize("view", ["Red", "Green", "Yellow"])
def test_in_the_picture_they_cover_what_is_bright(a_case: Any, view: str) -> None:
    import slicer
    from AtlasFROCLib.ViewSetup import showCase
    from host.views import draw_slice

    case, node, _affine = a_case
    (lesion,) = case.lesions.lesions
    showCase(case)
    through = case.toWorld(lesion.center_ijk)

    colored = draw_slice(view, size=(240, 240), through=through).astype(int)
    node.GetDisplayNode().SetVisibility(False)
    plain = draw_slice(view, size=(240, 240), through=through).astype(int)

    bright = plain.min(axis=2) > 150
    green = colored[..., 1] - colored[..., 0] > 10
    assert bright.sum() > 300
    assert green[bright].mean() > 0.98
    assert not green[~ndimage.binary_dilation(bright, iterations=RIM)].any()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 2
