from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from atlastumor.errors import InputError, UnknownKeyError
from atlastumor.scans import list_series, read_scan
from atlastumor.volume import Grid, Scan

from .bodies import SHAPE, a_body, a_scan, an_affine
from .dicom_series import write_dicom_series, write_enhanced_ct

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, JPEG2000Lossless]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_a_series_keeps_values_and_grid_in_every_transfer_syntax(
    syntax: str, tmp_path: Path
) -> None:
    paths = write_dicom_series(a_scan(), tmp_path, transfer_syntax=syntax)

    scan = read_scan(tmp_path)

    assert np.array_equal(scan.array, a_body())
    assert scan.array.dtype == np.int16
    assert scan.grid.matches(a_scan().grid)
    assert scan.source.kind == "dicom"
    assert scan.source.dicom_files == tuple(paths)
    assert scan.source.notes == ()


def test_jpeg_ls_is_read_where_something_can_write_it(tmp_path: Path) -> None:
    pytest.importorskip("jpeg_ls", reason="no encoder for JPEG-LS")
    paths = write_dicom_series(a_scan(), tmp_path)
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.compress(JPEGLSLossless, generate_instance_uid=False)
        dataset.save_as(path)

    assert np.array_equal(read_scan(tmp_path).array, a_body())


def test_big_endian_is_read(tmp_path: Path) -> None:
    for path in write_dicom_series(a_scan(), tmp_path):
        dataset = pydicom.dcmread(path)
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        pydicom.dcmwrite(path, dataset, little_endian=False, implicit_vr=False)

    assert np.array_equal(read_scan(tmp_path).array, a_body())


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


@pytest.mark.parametrize("name", ["exam.zip", "öäü 扫描.zip"])
def test_a_zip_gives_the_same_scan_as_its_folder(name: str, tmp_path: Path) -> None:
    write_dicom_series(a_scan(), tmp_path / "study" / "series")
    (tmp_path / "study" / "README.txt").write_text("not DICOM")
    (tmp_path / "study" / "series" / "._IM00001.dcm").write_bytes(b"macOS")
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "study")
    (tmp_path / "packed.zip").rename(tmp_path / name)

    zipped, folder = read_scan(tmp_path / name), read_scan(tmp_path / "study")

    assert np.array_equal(zipped.array, folder.array)
    assert zipped.grid.matches(folder.grid)
    assert zipped.source.sha256 == folder.source.sha256


def test_files_of_a_zip_live_as_long_as_the_source(tmp_path: Path) -> None:
    write_dicom_series(a_scan(), tmp_path / "study")
    shutil.make_archive(str(tmp_path / "study"), "zip", tmp_path / "study")

    source = read_scan(tmp_path / "study.zip").source  # the scan itself is gone

    files = source.dicom_files
    assert len(files) == SHAPE[2]
    assert all(pydicom.dcmread(path).Modality == "CT" for path in files)
    del source
    assert not files[0].parent.exists()


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


def test_rescaling_may_differ_from_slice_to_slice(tmp_path: Path) -> None:
    def rescale(dataset: Dataset, k: int) -> None:
        stored = np.frombuffer(dataset.PixelData, np.uint16)
        dataset.PixelData = (stored + np.uint16(k)).tobytes()
        dataset.RescaleIntercept = -1024 - k

    write_dicom_series(a_scan(), tmp_path, change=rescale)

    assert np.array_equal(read_scan(tmp_path).array, a_body())


def test_a_fractional_slope_in_one_slice_makes_the_scan_float32(tmp_path: Path) -> None:
    def rescale(dataset: Dataset, k: int) -> None:
        if k == 2:
            dataset.RescaleIntercept = "-1023.5"

    write_dicom_series(a_scan(), tmp_path, change=rescale)

    scan = read_scan(tmp_path)

    assert scan.array.dtype == np.float32
    assert np.array_equal(scan.array[:, :, 2], a_body()[:, :, 2] + 0.5)
    assert np.array_equal(scan.array[:, :, 3], a_body()[:, :, 3])


@pytest.mark.parametrize("limit", [None, -1990], ids=["one value", "a range"])
def test_padding_becomes_air(limit: int | None, tmp_path: Path) -> None:
    padded = a_body()
    padded[:3] = -2000
    if limit is not None:
        padded[:1] = -1995

    def pad(dataset: Dataset, _k: int) -> None:
        dataset.add_new("PixelPaddingValue", "SS", -2000)
        if limit is not None:
            dataset.add_new("PixelPaddingRangeLimit", "SS", limit)

    write_dicom_series(Scan(padded, Grid(SHAPE, an_affine())), tmp_path, change=pad)

    scan = read_scan(tmp_path)

    assert (scan.array[:3] == -1024).all()
    assert np.array_equal(scan.array[3:], a_body()[3:])
    assert "padding was set to air" in scan.source.notes[0]


def test_a_padding_value_among_tissue_is_not_used(tmp_path: Path) -> None:
    def pad(dataset: Dataset, _k: int) -> None:
        dataset.add_new("PixelPaddingValue", "US", 1024 + 50)

    write_dicom_series(a_scan(), tmp_path, change=pad)

    scan = read_scan(tmp_path)

    assert np.array_equal(scan.array, a_body())
    assert "was not used" in scan.source.notes[0]


@pytest.mark.parametrize("is_signed", [False, True], ids=["unsigned", "signed"])
def test_bits_above_the_stored_ones_are_ignored(is_signed: bool, tmp_path: Path) -> None:
    def pack(dataset: Dataset, _k: int) -> None:
        """12 stored bits, an old overlay's bit above them."""
        hu = np.frombuffer(dataset.PixelData, np.uint16).astype(np.int32) - 1024
        stored = hu if is_signed else hu + 1024
        dataset.PixelData = ((stored & 0x0FFF) | 0x2000).astype(np.uint16).tobytes()
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.PixelRepresentation = int(is_signed)
        dataset.RescaleIntercept = 0 if is_signed else -1024

    write_dicom_series(a_scan(), tmp_path, change=pack)

    assert np.array_equal(read_scan(tmp_path).array, a_body())


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


def test_an_unknown_compression_is_named_as_such(tmp_path: Path) -> None:
    for path in write_dicom_series(a_scan(), tmp_path, transfer_syntax=JPEG2000Lossless):
        jpeg_2000, jpip = JPEG2000Lossless.encode(), b"1.2.840.10008.1.2.4.94"
        path.write_bytes(path.read_bytes().replace(jpeg_2000, jpip))

    with pytest.raises(InputError, match="compressed in a way that cannot be read"):
        read_scan(tmp_path)
