from __future__ import annotations

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

from atlastumor.errors import InputError
from atlastumor.scans import read_scan
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


def test_an_unknown_compression_is_named_as_such(tmp_path: Path) -> None:
    for path in write_dicom_series(a_scan(), tmp_path, transfer_syntax=JPEG2000Lossless):
        jpeg_2000, jpip = JPEG2000Lossless.encode(), b"1.2.840.10008.1.2.4.94"
        path.write_bytes(path.read_bytes().replace(jpeg_2000, jpip))

    with pytest.raises(InputError, match="compressed in a way that cannot be read"):
        read_scan(tmp_path)


def test_padding_that_is_no_possible_density_becomes_air(tmp_path: Path) -> None:
    def pad(dataset: Dataset, _k: int) -> None:
        stored = np.frombuffer(dataset.PixelData, np.uint16).astype(np.int16)
        stored[:40] = -32768
        dataset.PixelData = stored.tobytes()
        dataset.PixelRepresentation = 1
        dataset.add_new("PixelPaddingValue", "SS", -32768)

    write_dicom_series(a_scan(), tmp_path, change=pad)

    scan = read_scan(tmp_path)

    assert scan.array.min() == -1024
    assert "padding was set to air" in scan.source.notes[0]


def write_bare_series(folder: Path, *, is_implicit: bool) -> list[Path]:
    """Write a scan as DICOM without preamble and meta header."""
    syntax = ImplicitVRLittleEndian if is_implicit else ExplicitVRLittleEndian
    paths = write_dicom_series(a_scan(), folder, transfer_syntax=syntax)
    for path in paths:
        dataset = pydicom.dcmread(path)
        del dataset.file_meta
        dataset.preamble = None
        dataset.save_as(path, implicit_vr=is_implicit, little_endian=True)
    return paths


@pytest.mark.parametrize("is_implicit", [True, False], ids=["implicit", "explicit"])
def test_files_without_a_meta_header_are_read_like_those_with_one(
    is_implicit: bool, tmp_path: Path
) -> None:
    for path in write_bare_series(tmp_path, is_implicit=is_implicit):
        assert path.read_bytes()[128:132] != b"DICM"

    scan = read_scan(tmp_path)

    assert np.array_equal(scan.array, a_body())
    assert scan.grid.matches(a_scan().grid)


@pytest.mark.parametrize("is_implicit", [True, False], ids=["implicit", "explicit"])
def test_files_that_begin_with_the_length_of_a_group_are_found(
    is_implicit: bool, tmp_path: Path
) -> None:
    for path in write_bare_series(tmp_path, is_implicit=is_implicit):
        length = b"\x04\0\0\0" if is_implicit else b"UL\x04\0"
        element = b"\x08\0\0\0" + length + (400).to_bytes(4, "little")
        path.with_suffix("").write_bytes(element + path.read_bytes())
        path.unlink()

    assert np.array_equal(read_scan(tmp_path).array, a_body())


def test_an_enhanced_ct_without_a_meta_header_is_read(tmp_path: Path) -> None:
    path = write_enhanced_ct(a_scan(), tmp_path / "ct.dcm")
    dataset = pydicom.dcmread(path)
    del dataset.file_meta
    dataset.preamble = None
    dataset.save_as(path, implicit_vr=False, little_endian=True)

    assert np.array_equal(read_scan(path).array, a_body())
