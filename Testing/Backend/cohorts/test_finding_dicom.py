from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from atlastumor.cohorts.finding import find_cohort
from atlastumor.errors import Cancelled, InputError
from atlastumor.progress import CancelToken
from atlastumor.scans import read_scan
from Backend.scans.bodies import a_scan
from Backend.scans.dicom_series import write_dicom_series, write_enhanced_ct

from .places import STUDY, ids, pack, rules, touch, write_series


def as_localizer(dataset: Dataset) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]


def as_mr(dataset: Dataset) -> None:
    dataset.Modality = "MR"


def as_report(dataset: Dataset) -> None:
    dataset.SOPClassUID = EncapsulatedPDFStorage


def test_a_tree_of_any_depth_and_naming_gives_the_volumes_of_its_studies(tmp_path: Path) -> None:
    write_series(tmp_path / "p1/deep/er/s1", 1)
    write_series(tmp_path / "p2", 1, study=f"{STUDY}.9")
    for path in (tmp_path / "p2").glob("*.dcm"):
        path.rename(path.with_suffix(""))
    touch(tmp_path / "p2/DICOMDIR.txt")

    found = find_cohort([tmp_path])

    assert len(found.cases) == 2
    assert not found.problems
    for case in found.cases:
        assert case.id.startswith("dicom-")
        assert STUDY not in case.id
        scan = read_scan(case.path, series=case.series)
        assert np.array_equal(scan.array, a_scan().array)
        assert case.size_bytes == sum(
            path.stat().st_size for path in case.path.iterdir() if path.suffix != ".txt"
        )


def test_of_many_series_of_a_study_the_ct_volumes_are_told_from_all_else(tmp_path: Path) -> None:
    write_series(tmp_path / "s", 1, as_localizer)
    write_series(tmp_path / "mr", 2, as_mr)
    write_series(tmp_path / "pdf", 3, as_report)
    write_series(tmp_path / "ct", 4)

    found = find_cohort([tmp_path])

    assert rules(found) == {
        1: (False, "localizer"),
        2: (False, "no CT: MR"),
        3: (False, "no CT images: a capture or report"),
        4: (True, "the only CT volume of its study"),
    }
    assert [case.path for case in found.cases] == [tmp_path / "ct"]


def test_several_series_in_one_folder_are_told_apart_when_read(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / str(number)
        write_series(folder, number)
        for path in folder.iterdir():
            path.rename(tmp_path / f"{number}_{path.name}")
        folder.rmdir()

    found = find_cohort([tmp_path], series="all")

    assert len(found.cases) == 2
    for case in found.cases:
        assert read_scan(case.path, series=case.series).array.shape == a_scan().array.shape


def test_a_series_in_several_folders_is_one_case(tmp_path: Path) -> None:
    write_series(tmp_path / "study/a", 1)
    (tmp_path / "study/b").mkdir()
    for n, path in enumerate(sorted((tmp_path / "study/a").iterdir())):
        if n % 2:
            path.rename(tmp_path / "study/b" / path.name)

    (case,) = find_cohort([tmp_path]).cases

    assert case.path == tmp_path / "study"
    assert np.array_equal(read_scan(case.path, series=case.series).array, a_scan().array)


def test_a_copy_of_a_series_is_no_second_case(tmp_path: Path) -> None:
    write_series(tmp_path / "a", 1)
    pack(tmp_path / "a", tmp_path / "a.zip")
    (tmp_path / "b").mkdir()
    for path in (tmp_path / "a").iterdir():
        (tmp_path / "b" / path.name).write_bytes(path.read_bytes())

    found = find_cohort([tmp_path])

    assert [case.path for case in found.cases] == [tmp_path / "a"]
    assert not found.problems


def test_a_copy_with_other_images_is_a_problem(tmp_path: Path) -> None:
    write_series(tmp_path / "a", 1)
    pack(tmp_path / "a", tmp_path / "a.zip")
    (tmp_path / "a/IM00012.dcm").unlink()

    found = find_cohort([tmp_path])

    assert [case.path for case in found.cases] == [tmp_path / "a"]
    assert "with other images, elsewhere too" in found.problems[0].message


def test_a_zip_is_looked_into_without_unpacking_it(tmp_path: Path) -> None:
    write_series(tmp_path / "a/ct", 1)
    write_series(tmp_path / "a/scout", 2, as_localizer)
    archive = pack(tmp_path / "a", tmp_path / "study.zip")

    (case,) = find_cohort([archive]).cases

    assert case.path == archive
    assert case.id == ids(tmp_path / "a")[0]
    assert np.array_equal(read_scan(case.path, series=case.series).array, a_scan().array)


def test_a_zip_without_dicom_or_cut_short_is_a_problem(tmp_path: Path) -> None:
    touch(tmp_path / "a/readme.txt")
    pack(tmp_path / "a", tmp_path / "text.zip")
    whole = pack(tmp_path / "a", tmp_path / "cut.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])

    problems = {one.case: one.message for one in find_cohort([tmp_path]).problems}

    assert "holds no DICOM" in problems["text.zip"]
    assert "damaged" in problems["cut.zip"]


def test_one_file_of_a_series_stands_for_all_of_it(tmp_path: Path) -> None:
    write_series(tmp_path / "a", 1)
    write_series(tmp_path / "b", 2)
    for path in (tmp_path / "b").iterdir():
        path.rename(tmp_path / "a" / f"b{path.name}")

    found = find_cohort([tmp_path / "a/IM00003.dcm"])

    assert rules(found) == {1: (True, "the only CT volume of its study")}


def test_an_enhanced_ct_is_one_file_and_one_case(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    path = write_enhanced_ct(a_scan(), tmp_path / "a/multi")

    found = find_cohort([tmp_path])

    assert [case.path for case in found.cases] == [path]
    assert found.choices[0].series.spacing_mm == pytest.approx(4.0)
    assert found.choices[0].series.n_slices == 12


def test_a_damaged_file_is_a_problem_and_the_rest_is_found(tmp_path: Path) -> None:
    write_series(tmp_path / "good", 1)
    touch(tmp_path / "bad/IM1.dcm")
    (tmp_path / "bad/IM2").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)

    found = find_cohort([tmp_path])

    assert [case.path for case in found.cases] == [tmp_path / "good"]
    assert {one.case for one in found.problems} == {"IM1.dcm", "IM2"}


def test_a_study_of_which_nothing_is_taken_is_a_problem_that_says_why(tmp_path: Path) -> None:
    write_series(tmp_path / "a", 1, as_mr)
    write_series(tmp_path / "b", 2, as_localizer)

    found = find_cohort([tmp_path])

    assert not found.cases
    assert "no CT: MR; localizer" in found.problems[0].message
    assert STUDY not in found.problems[0].case


def test_a_series_asked_for_by_the_beginning_of_its_uid_is_taken_though_it_is_derived(
    tmp_path: Path,
) -> None:
    def as_mpr(dataset: Dataset) -> None:
        dataset.ImageType = ["DERIVED", "SECONDARY", "MPR"]

    write_series(tmp_path / "a", 1)
    uid = write_series(tmp_path / "b", 2, as_mpr)

    assert rules(find_cohort([tmp_path]))[2] == (False, "derived: mpr")
    found = find_cohort([tmp_path], series=uid)
    assert rules(found)[2] == (True, "asked for by its UID")
    assert [case.series for case in found.cases] == [uid]
    with pytest.raises(InputError, match="No CT series has a UID"):
        find_cohort([tmp_path], series="9.9")


def test_slices_of_two_orientations_or_two_at_one_place_are_no_volume(tmp_path: Path) -> None:
    def turn_some(dataset: Dataset) -> None:
        if dataset.InstanceNumber > 6:
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    def put_on_top(dataset: Dataset) -> None:
        if dataset.InstanceNumber == 6:
            dataset.ImagePositionPatient = position
        position[:] = dataset.ImagePositionPatient

    position: list[float] = []
    write_series(tmp_path / "a", 1, turn_some)
    write_series(tmp_path / "b", 2, put_on_top)

    decided = rules(find_cohort([tmp_path]))

    assert decided[1] == (False, "2 orientations")
    assert decided[2] == (False, "1 slices lie where others lie")


def test_looking_through_files_is_told_and_can_be_stopped(tmp_path: Path) -> None:
    write_dicom_series(a_scan(), tmp_path)
    told: list[float] = []
    cancel = CancelToken()

    def progress(fraction: float, _stage: str) -> None:
        told.append(fraction)
        if len(told) == 5:
            cancel.cancel()

    with pytest.raises(Cancelled):
        find_cohort([tmp_path], progress=progress, cancel=cancel)

    assert told == sorted(told)
    assert len(told) == 5
