"""Getting a case ready to be looked at: the same voxels at the same places, quick to read."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from atlastumor.batch.cohort import Case
from atlastumor.batch.viewing import (
    MAP,
    SCAN,
    VIEW,
    prepare_arrays,
    prepare_case,
    turn_right_handed,
)
from atlastumor.detection.case_sweep import SweepOptions
from atlastumor.detection.view_files import load_view
from atlastumor.errors import GridMismatchError, InputError
from atlastumor.volume import Grid

SHAPE = (9, 8, 7)
LEFT = np.array([[-1.5, 0, 0, 20], [0, 1, 0, -5], [0, 0, 2.0, 9], [0, 0, 0, 1]])
TUMOR = np.s_[1:5, 1:5, 0:3]
OPTIONS = SweepOptions(floor=0.1, min_volume_mm3=20.0)


@pytest.fixture
def a_case(tmp_path: Path) -> Case:
    """A left-handed map with one tumor, found; a CT beside it."""
    probability, mask = np.zeros(SHAPE, np.float32), np.zeros(SHAPE, np.uint8)
    probability[TUMOR], mask[TUMOR] = 0.75, 1
    save(tmp_path / "case" / "probabilities" / "liver_tumor.nii.gz", probability)
    save(tmp_path / "case" / "segmentations" / "liver_lesion.nii.gz", mask)
    save(tmp_path / "case" / "ct.nii.gz", np.arange(mask.size, dtype=np.int16).reshape(SHAPE))
    return Case("case", tmp_path / "case", tmp_path / "case")


def save(path: Path, array: np.ndarray, affine: np.ndarray = LEFT) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)


def test_a_left_handed_case_is_turned_and_stays_where_it_was(a_case: Case, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()

    grid = prepare_case(a_case, "liver", out, options=OPTIONS)

    assert np.linalg.det(grid.affine[:3, :3]) > 0
    tree, lesions = load_view(out / VIEW)
    array = np.load(out / MAP).T
    (lesion,), (candidate,) = lesions.lesions, tree.candidates(0.5).candidates
    center = LEFT @ (2.5, 2.5, 1.0, 1.0)
    assert grid.to_ras(lesion.center_ijk) == pytest.approx(center[:3])
    assert grid.to_ras(np.argwhere(array > 0.5).mean(axis=0)) == pytest.approx(center[:3])
    assert candidate.box == lesion.box
    assert candidate.volume_ml == pytest.approx(4 * 4 * 3 * 3.0 / 1000)


def test_a_right_handed_array_is_given_back_itself() -> None:
    array, grid = np.zeros(SHAPE), Grid(SHAPE, np.diag([-1.0, -2.0, 3.0, 1.0]))

    assert turn_right_handed(array, grid) == (array, grid)


def test_a_compressed_ct_is_unpacked_and_another_left_alone(a_case: Case, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    packed = a_case.reference / "ct.nii.gz"
    plain = tmp_path / "ct.nii"
    save(plain, np.zeros(SHAPE, np.int16))

    prepare_case(a_case, "liver", tmp_path / "a", options=OPTIONS, scan=packed)
    prepare_case(a_case, "liver", tmp_path / "b", options=OPTIONS, scan=plain)

    unpacked, original = nib.load(tmp_path / "a" / SCAN), nib.load(packed)
    assert (np.asarray(unpacked.dataobj) == np.asarray(original.dataobj)).all()
    assert (unpacked.affine == original.affine).all()
    assert not (tmp_path / "b" / SCAN).exists()


def test_a_damaged_ct_is_said(a_case: Case, tmp_path: Path) -> None:
    path = a_case.reference / "ct.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(InputError, match="is truncated or damaged"):
        prepare_case(a_case, "liver", tmp_path, options=OPTIONS, scan=path)


def test_a_reference_elsewhere_is_refused(a_case: Case, tmp_path: Path) -> None:
    moved = LEFT.copy()
    moved[0, 3] += 4
    path = a_case.reference / "segmentations" / "liver_lesion.nii.gz"
    save(path, np.zeros(SHAPE, np.uint8), moved)

    with pytest.raises(GridMismatchError, match="they must lie on one grid"):
        prepare_case(a_case, "liver", tmp_path, options=OPTIONS)


def test_arrays_of_a_scene_keep_their_grid(tmp_path: Path) -> None:
    probability = np.zeros(SHAPE)
    probability[TUMOR] = 0.75

    prepare_arrays(probability, probability > 0, Grid(SHAPE, LEFT), tmp_path, options=OPTIONS)

    tree, lesions = load_view(tmp_path / VIEW)
    assert lesions.lesions[0].box == tree.candidates(0.75).candidates[0].box == TUMOR
