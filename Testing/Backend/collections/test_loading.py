"""A case in our numbers: sides, precedence, what is unknown, and what is refused."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.collections import Annotation, CollectionCase, LabelFile, load_case, read_collection
from atlastumor.errors import GridMismatchError, InputError
from Backend.collections import data_sets as made
from Backend.collections.data_sets import LEFT, LIVER, LIVER_TUMOR, RIGHT, ours


@pytest.fixture
def a_case(tmp_path: Path) -> CollectionCase:
    scan = made.save_scan(tmp_path / "ct.nii.gz")
    label = made.save(tmp_path / "labels.nii.gz", made.translate(ours(), {LIVER: 1}))
    return CollectionCase("one", scan, (LabelFile(label, {1: (LIVER,)}),))


def test_sides_follow_the_patient_and_not_the_order_of_voxels(tmp_path: Path) -> None:
    grid = made.body().scan.grid
    kidneys = made.translate(ours(tumors=False), {LEFT: 1, RIGHT: 1})
    turned = grid.affine @ np.diag([-1.0, 1.0, 1.0, 1.0])
    turned[:3, 3] = grid.to_ras((grid.shape[0] - 1, 0, 0))
    files = []
    for name, array in (("scan", made.body().scan.array), ("label", kidneys)):
        files.append(tmp_path / f"{name}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(np.asarray(array)[::-1], turned), files[-1])
    case = CollectionCase("one", files[0], (LabelFile(files[1], {1: (LEFT, RIGHT)}),))

    labels = load_case(case)[1].array

    assert np.array_equal(labels[::-1], made.translate(ours(tumors=False), {3: 3, 4: 4}))


def test_a_later_file_counts_where_two_speak(a_case: CollectionCase, tmp_path: Path) -> None:
    whole = made.save(tmp_path / "tumor.nii.gz", (ours() == LIVER).astype(np.uint8))
    case = replace(a_case, labels=(*a_case.labels, LabelFile(whole, {1: (LIVER_TUMOR,)})))

    labels = load_case(case)[1].array

    assert np.array_equal(labels == LIVER_TUMOR, ours() == LIVER)


def test_a_value_whose_meaning_is_not_known_is_refused(a_case: CollectionCase) -> None:
    case = replace(a_case, labels=(LabelFile(a_case.labels[0].path, {2: (LIVER,), 3: ()}),))

    with pytest.raises(
        InputError, match="holds the value 1, whose meaning is not known; known are 2, 3"
    ):
        load_case(case)


def test_labels_on_another_grid_are_refused(a_case: CollectionCase) -> None:
    made.save(a_case.labels[0].path, ours()[:, :, 1:])

    with pytest.raises(GridMismatchError, match=r"The label file 'labels\.nii\.gz' has"):
        load_case(a_case)


def test_labels_stored_in_other_axes_lie_on_the_scans_grid(a_case: CollectionCase) -> None:
    path = a_case.labels[0].path
    expected = load_case(a_case)[1].array
    other = np.array([[1, -1], [2, 1], [0, -1]])
    stored = nibabel.load(path)
    nibabel.save(
        nibabel.Nifti1Image(np.asarray(stored.dataobj), stored.affine).as_reoriented(other), path
    )

    assert nibabel.load(path).shape != expected.shape
    assert np.array_equal(load_case(a_case)[1].array, expected)


def test_labels_whose_affine_was_rounded_lie_on_the_scans_grid(a_case: CollectionCase) -> None:
    path, labels = a_case.labels[0].path, made.translate(ours(), {LIVER: 1})
    affine = np.array(made.body().scan.grid.affine)
    affine[0, 3] += 0.09 * made.SPACING_MM[0]
    nibabel.save(nibabel.Nifti1Image(labels, affine), path)

    assert np.array_equal(load_case(a_case)[1].array, made.keep(LIVER))

    affine[0, 3] += 0.02 * made.SPACING_MM[0]
    nibabel.save(nibabel.Nifti1Image(labels, affine), path)
    with pytest.raises(GridMismatchError, match="have different affines"):
        load_case(a_case)


def test_classes_that_were_packed_as_numbers_with_a_slope_are_read(a_case: CollectionCase) -> None:
    path = a_case.labels[0].path
    image = nibabel.Nifti1Image(made.translate(ours(), {LIVER: 1, RIGHT: 2}).astype(float), None)
    image.set_sform(made.body().scan.grid.affine)
    image.set_data_dtype(np.int16)  # 1 comes back as 1.00002, 0 as a little less
    nibabel.save(image, path)
    case = replace(a_case, labels=(LabelFile(path, {1: (LIVER,), 2: (RIGHT,)}),))

    assert np.array_equal(load_case(case)[1].array, made.keep(LIVER, RIGHT))


def test_empty_labels_of_an_outlined_organ_are_refused(a_case: CollectionCase) -> None:
    made.save(a_case.labels[0].path, np.zeros_like(ours()))
    case = replace(a_case, annotated=Annotation(frozenset({"liver"})))

    with pytest.raises(InputError, match="Its labels are empty, though liver should be outlined"):
        load_case(case)
    assert not load_case(a_case)[1].array.any()


def test_a_case_travels_to_other_processes(tmp_path: Path) -> None:
    (case, _) = read_collection(made.write_kits(tmp_path)).cases

    assert pickle.loads(pickle.dumps(case)) == case
    assert hash(case)
