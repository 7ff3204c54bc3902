"""One scan under two names is found, however it was turned, packed or rescaled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.collections import (
    SPLITS,
    CollectionCase,
    check_leakage,
    compare_fingerprints,
    fill_fingerprints,
    find_duplicates,
    number_scans,
    take_fingerprint,
)
from atlastumor.errors import InputError
from atlastumor.scans import read_scan
from Backend.collections import data_sets as made

AFFINE = made.body().scan.grid.affine

Change = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@pytest.fixture
def hu() -> np.ndarray:
    """A scan as its collection has it, with metal beyond what some formats hold."""
    array = np.array(made.body().scan.array)
    array[20:22, 20:22, 8:10] = 3071
    return array


def fingerprint(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> str:
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return take_fingerprint(read_scan(path))


def named(name: str, fingerprint: str, split: str) -> CollectionCase:
    return CollectionCase(name, Path(name), fingerprint=fingerprint, split=split)


def with_tumor(hu: np.ndarray) -> np.ndarray:
    changed = hu.copy()
    changed[30:34, 18:22, 12:15] -= 40
    return changed


def shift(mm: float) -> np.ndarray:
    matrix = np.zeros((4, 4))
    matrix[:3, 3] = mm
    return matrix


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("unpacked.nii", lambda hu: (hu, AFFINE)),
        ("float.nii.gz", lambda hu: (hu.astype(np.float32), AFFINE)),
        ("mirrored.nii.gz", lambda hu: (hu[::-1], AFFINE)),
        ("turned.nii.gz", lambda hu: (hu.transpose(2, 0, 1), np.diag([6.0, 5.0, 5.0, 1.0]))),
        ("respaced.nii.gz", lambda hu: (hu, np.diag([-4.0, -4.0, 5.0, 1.0]))),
        ("moved.nii.gz", lambda hu: (hu, AFFINE + shift(40))),
        (
            "outside.nii.gz",
            lambda hu: (np.pad(hu, ((3, 0), (0, 2), (0, 0)), constant_values=-2048), AFFINE),
        ),
        ("clipped.nii.gz", lambda hu: (np.minimum(hu, 2000), AFFINE)),
    ],
)
def test_a_copy_is_known_again(tmp_path: Path, hu: np.ndarray, name: str, change: Change) -> None:
    original = fingerprint(tmp_path / "original.nii.gz", hu)

    assert fingerprint(tmp_path / name, *change(hu)) == original


def test_a_copy_is_known_again_when_it_is_stored_with_an_intercept(
    tmp_path: Path, hu: np.ndarray
) -> None:
    image = nibabel.Nifti1Image((hu + 1024) * 2, AFFINE)
    image.header.set_slope_inter(0.5, -1024.0)
    nibabel.save(image, tmp_path / "rescaled.nii.gz")

    found = take_fingerprint(read_scan(tmp_path / "rescaled.nii.gz"))

    assert found == fingerprint(tmp_path / "original.nii.gz", hu)


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda hu: hu[:, :, 13:], 0.1),
        (lambda hu: hu[1:-1, 1:, 2:], 0.2),
        (with_tumor, 0.6),
    ],
    ids=["half", "through air", "tumor"],
)
def test_a_part_or_a_change_of_a_scan_is_known_to_be_its(
    tmp_path: Path, hu: np.ndarray, change: Callable[[np.ndarray], np.ndarray], least: float
) -> None:
    original = fingerprint(tmp_path / "original.nii.gz", hu)
    other = fingerprint(tmp_path / "other.nii.gz", change(hu))

    assert least <= compare_fingerprints(original, other) < 1.0
    assert number_scans([named("a", original, ""), named("b", other, "")]) == [0, 0]


def test_another_patient_has_nothing_in_common(tmp_path: Path, hu: np.ndarray) -> None:
    original = fingerprint(tmp_path / "original.nii.gz", hu)
    other = fingerprint(tmp_path / "other.nii.gz", np.array(made.body(1).scan.array))

    assert compare_fingerprints(original, other) == 0.0


def test_a_scan_of_which_two_parts_are_there_joins_them() -> None:
    one, two = "1" * 16, "2" * 16
    cases = [named("a", one, ""), named("b", "3" * 16, ""), named("c", two, "")]

    assert number_scans(cases) == [0, 1, 2]
    assert number_scans([*cases, named("d", one + two, "")]) == [0, 1, 0, 0]
    assert number_scans([named("e", "", ""), named("f", "", "")]) == [0, 1]


def test_groups_hold_copies_only(tmp_path: Path) -> None:
    made.save_scan(tmp_path / "a.nii.gz")
    made.save_scan(tmp_path / "b.nii.gz", seed=1)
    cases = [CollectionCase(name, tmp_path / f"{name}.nii.gz") for name in ("a", "b")]
    twin = CollectionCase("twin", tmp_path / "a.nii.gz", fingerprint=cases_fingerprint(cases[0]))

    groups = find_duplicates([*cases, twin])

    assert [[case.id for case in group] for group in groups] == [["a", "twin"]]


def cases_fingerprint(case: CollectionCase) -> str:
    return take_fingerprint(read_scan(case.scan))


@pytest.mark.parametrize("split", ["train", ""])
def test_a_scan_in_both_sets_is_refused(split: str) -> None:
    cases = [
        named("a", "1" * 16, "validation"),
        named("b", "2" * 16, split),
        named("c", "1" * 16, split),
    ]

    with pytest.raises(InputError, match="'a' is for validation, but 'c' is a copy of its scan"):
        check_leakage(cases)


def test_one_file_in_both_sets_is_refused_without_any_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").symlink_to(tmp_path / "a")
    cases = [
        CollectionCase(name, tmp_path / name, split=s) for name, s in zip("ab", SPLITS, strict=True)
    ]

    with pytest.raises(InputError, match="'b' is for validation, but 'a' is a copy of its scan"):
        check_leakage(cases)


def test_fingerprints_are_taken_where_they_are_missing_and_the_scan_can_be_read(
    tmp_path: Path,
) -> None:
    made.save_scan(tmp_path / "a.nii.gz")
    (tmp_path / "broken.nii.gz").write_bytes(b"no scan")
    cases = [CollectionCase(name, tmp_path / f"{name}.nii.gz") for name in ("a", "broken")]

    filled = fill_fingerprints([*cases, named("known", "1" * 16, "")])

    taken = cases_fingerprint(cases[0])
    assert [case.fingerprint for case in filled] == [taken, "", "1" * 16]


def test_copies_in_one_set_and_cases_without_fingerprints_are_no_leak() -> None:
    check_leakage(
        [
            *(named(name, "1" * 16, "validation") for name in "ab"),
            *(named(name, "2" * 16, "train") for name in "cd"),
            *(named(name, "", split) for name, split in zip("ef", SPLITS, strict=True)),
        ]
    )
