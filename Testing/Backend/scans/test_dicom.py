from __future__ import annotations

import shutil
import threading
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from atlastumor.errors import InputError, UnknownKeyError
from atlastumor.scans import list_series, read_scan
from atlastumor.scans.dicom_headers import lenient_pydicom

from .bodies import SHAPE, a_body, a_scan, an_affine
from .dicom_series import write_dicom_series, write_enhanced_ct


@pytest.mark.parametrize("axcodes", ["LPS", "LIP", "PSL", "RAS", "ASR", "LAI"])
def test_right_handed_grids_come_back_whichever_way_they_lie(axcodes: str, tmp_path: Path) -> None:
    original = a_scan(axcodes, oblique=True)
    assert np.linalg.det(original.grid.affine[:3, :3]) > 0
    write_dicom_series(original, tmp_path)

    scan = read_scan(tmp_path)

    assert scan.grid.matches(original.grid)
    assert np.array_equal(scan.array, original.array)


def test_a_left_handed_grid_comes_back_with_its_slices_turned(tmp_path: Path) -> None:
    original = a_scan("LAS", oblique=True)
    write_dicom_series(original, tmp_path)

    scan = read_scan(tmp_path)

    last = (0, 0, SHAPE[2] - 1)
    assert np.allclose(scan.grid.to_ras((0, 0, 0)), original.grid.to_ras(last), atol=1e-3)
    assert np.array_equal(scan.array, original.array[:, :, ::-1])


def test_one_file_stands_for_its_series_in_its_folder(tmp_path: Path) -> None:
    paths = write_dicom_series(a_scan(), tmp_path, description="venous")
    write_dicom_series(a_scan("RAS"), tmp_path / "deeper", description="arterial")
    (tmp_path / "report.txt").write_text("not DICOM")

    scan = read_scan(paths[4])

    assert scan.source.dicom_files == tuple(paths)
    assert [series.description for series in list_series(paths[4])] == ["venous"]


def test_an_enhanced_ct_is_read_frame_by_frame(tmp_path: Path) -> None:
    path = write_enhanced_ct(a_scan("LPS", oblique=True), tmp_path / "enhanced.dcm")

    scan = read_scan(path)

    assert np.array_equal(scan.array, a_body())
    assert scan.grid.matches(a_scan("LPS", oblique=True).grid)
    assert scan.source.dicom_files == (path,)


def test_enhanced_files_of_one_image_each_make_a_series(tmp_path: Path) -> None:
    whole = pydicom.dcmread(write_enhanced_ct(a_scan(), tmp_path / "whole.dcm"))
    folder = tmp_path / "series"
    folder.mkdir()
    frames, pixels = list(whole.PerFrameFunctionalGroupsSequence), whole.pixel_array
    for n, frame in enumerate(frames):
        whole.SOPInstanceUID = whole.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        whole.PerFrameFunctionalGroupsSequence = [frame]
        whole.NumberOfFrames, whole.PixelData = 1, pixels[n].tobytes()
        whole.save_as(folder / f"{n}.dcm")

    scan = read_scan(folder)

    assert np.array_equal(scan.array, a_body())
    assert scan.grid.matches(a_scan().grid)
    assert np.array_equal(read_scan(folder / "3.dcm").array, a_body())


def test_a_dicomdir_stands_for_its_folder(tmp_path: Path) -> None:
    write_dicom_series(a_scan(), tmp_path / "images")
    dataset = pydicom.dcmread(next((tmp_path / "images").iterdir()))
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    dataset.SOPClassUID = "1.2.840.10008.1.3.10"
    dataset.save_as(tmp_path / "DICOMDIR")

    for path in (tmp_path, tmp_path / "DICOMDIR"):
        assert np.array_equal(read_scan(path).array, a_body())


def _as_localizer(dataset: Dataset, _k: int) -> None:
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]


def _as_mr(dataset: Dataset, _k: int) -> None:
    dataset.Modality, dataset.SOPClassUID = "MR", "1.2.840.10008.5.1.4.1.1.4"


def test_the_only_ct_volume_is_chosen_among_what_else_an_exam_holds(tmp_path: Path) -> None:
    write_dicom_series(a_scan(), tmp_path / "1", description="scout", change=_as_localizer)
    write_dicom_series(a_scan(), tmp_path / "2", description="MR", change=_as_mr)
    write_dicom_series(a_scan(), tmp_path / "3", description="bolus", skip=range(2, 12))
    write_dicom_series(a_scan(), tmp_path / "4", description="venous", series_uid="1.2.3")

    scan = read_scan(tmp_path)
    listed = {series.description: series for series in list_series(tmp_path)}

    assert pydicom.dcmread(scan.source.dicom_files[0]).SeriesInstanceUID == "1.2.3"
    assert sorted(listed) == ["MR", "bolus", "scout", "venous"]
    assert [name for name, series in listed.items() if series.is_candidate] == ["venous"]
    assert listed["venous"].shape == SHAPE
    assert listed["venous"].n_files == SHAPE[2]
    assert listed["MR"].modality == "MR"


def test_a_series_is_chosen_by_its_uid_or_the_beginning_of_it(tmp_path: Path) -> None:
    write_dicom_series(a_scan("LPS"), tmp_path / "1", series_uid="1.2.3.4")
    write_dicom_series(a_scan("LIP"), tmp_path / "2", series_uid="1.2.3.41")
    write_dicom_series(a_scan("PSL"), tmp_path / "3", series_uid="1.2.5")

    assert read_scan(tmp_path, series="1.2.3.4").grid.axcodes == "LPS"
    assert read_scan(tmp_path, series="1.2.3.41").grid.axcodes == "LIP"
    assert read_scan(tmp_path, series="1.2.5").grid.axcodes == "PSL"
    with pytest.raises(InputError, match=r"2 CT series.*1\.2\.3\.4 \(Abdomen, 12 images\)"):
        read_scan(tmp_path, series="1.2.3")
    with pytest.raises(UnknownKeyError, match=r"no DICOM series '9'.*1\.2\.5"):
        read_scan(tmp_path, series="9")


def test_copies_of_a_file_are_left_out_with_a_note(tmp_path: Path) -> None:
    paths = write_dicom_series(a_scan(), tmp_path)
    shutil.copy(paths[3], tmp_path / "copy.dcm")

    scan = read_scan(tmp_path)

    assert np.array_equal(scan.array, a_body())
    assert scan.source.notes == ("1 duplicate DICOM files were left out.",)


def test_positions_rounded_to_a_tenth_are_read_with_a_note(tmp_path: Path) -> None:
    def round_position(dataset: Dataset, k: int) -> None:
        x, y, z = (float(v) for v in dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y, round(z + 0.03 * (k % 2), 2)]

    write_dicom_series(a_scan(), tmp_path, change=round_position)

    scan = read_scan(tmp_path)

    assert scan.grid.matches(a_scan().grid, tolerance_mm=0.1)
    assert "rounded" in scan.source.notes[0]


def test_files_without_preamble_are_found(tmp_path: Path) -> None:
    for path in write_dicom_series(a_scan(), tmp_path, transfer_syntax=ImplicitVRLittleEndian):
        path.with_suffix("").write_bytes(path.read_bytes()[132:])
        path.unlink()

    assert np.array_equal(read_scan(tmp_path).array, a_body())


def test_values_that_break_their_vr_are_read_without_a_warning(tmp_path: Path) -> None:
    def break_rules(dataset: Dataset, _k: int) -> None:
        dataset.add_new("StudyDate", "DA", "yesterday")
        dataset.add_new("KVP", "DS", "120.000000000000000000")

    with pydicom.config.disable_value_validation():
        write_dicom_series(a_scan(), tmp_path, change=break_rules)

    assert np.array_equal(read_scan(tmp_path).array, a_body())


def test_a_series_cannot_be_chosen_in_other_formats(tmp_path: Path) -> None:
    import nibabel as nib

    nib.Nifti1Image(a_body(), an_affine()).to_filename(tmp_path / "a.nii")

    assert list_series(tmp_path / "a.nii") == []
    with pytest.raises(InputError, match="is not DICOM"):
        read_scan(tmp_path / "a.nii", series="1.2")


def test_threads_that_overlap_leave_pydicom_as_it_was() -> None:
    before = config.settings.reading_validation_mode, list(warnings.filters)
    inside, may_leave = threading.Barrier(2, timeout=10), threading.Event()

    def stay(is_last: bool) -> None:
        with lenient_pydicom():
            inside.wait()
            if is_last:
                may_leave.wait(10)
                modes.append(config.settings.reading_validation_mode)

    modes: list[int] = []
    threads = [threading.Thread(target=stay, args=(is_last,)) for is_last in (False, True)]
    for thread in threads:
        thread.start()
    threads[0].join(10)
    may_leave.set()
    threads[1].join(10)

    assert modes == [config.IGNORE]
    assert (config.settings.reading_validation_mode, list(warnings.filters)) == before
