from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from atlastumor.errors import InputError
from atlastumor.scans import read_scan
from atlastumor.volume import Scan

from .bodies import a_body, a_scan, an_affine

FORMATS = ["nrrd", "nhdr", "mha", "mhd"]


def _save(scan: Scan, path: Path, *, packed: bool = False, kind: str = "i2") -> Path:
    """Save through ITK: LPS, and arrays (k, j, i)."""
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ scan.grid.affine
    image = sitk.GetImageFromArray(scan.array.astype(kind).T)
    image.SetSpacing(scan.grid.spacing_mm)
    image.SetDirection((affine[:3, :3] / scan.grid.spacing_mm).ravel())
    image.SetOrigin(affine[:3, 3])
    sitk.WriteImage(image, str(path), useCompression=packed)
    return path


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("axcodes", ["LPS", "RAS", "LIP", "ASR", "PIR"])
def test_a_file_of_itk_keeps_its_values_and_its_place(
    axcodes: str, suffix: str, packed: bool, tmp_path: Path
) -> None:
    original = a_scan(axcodes, oblique=True)

    scan = read_scan(_save(original, tmp_path / f"scan.{suffix}", packed=packed))

    assert scan.grid.matches(original.grid, tolerance_mm=1e-6)
    assert np.array_equal(scan.array, original.array)
    assert scan.array.dtype == np.int16
    assert scan.source.kind == ("nrrd" if suffix.startswith("n") else "metaimage")
    assert scan.source.notes == ()


def test_the_space_of_an_nrrd_is_honored(tmp_path: Path) -> None:
    path = _save(a_scan("LPS"), tmp_path / "a.nrrd")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"left-posterior-superior", b"right-anterior-superior"))

    scan = read_scan(path)

    assert scan.grid.axcodes == "RAS"
    assert scan.grid.affine[0, 3] == pytest.approx(-an_affine()[0, 3])


def test_the_hash_covers_detached_data(tmp_path: Path) -> None:
    path = _save(a_scan(), tmp_path / "scan.mhd")
    first = read_scan(path).source.sha256
    raw = tmp_path / "scan.raw"
    data = bytearray(raw.read_bytes())
    data[0] ^= 1
    raw.write_bytes(data)

    assert read_scan(path).source.sha256 != first


def test_a_metaimage_without_orientation_says_so(tmp_path: Path) -> None:
    path = _save(a_scan(), tmp_path / "a.mha")
    lines = path.read_bytes().split(b"\n", 20)
    path.write_bytes(b"\n".join(x for x in lines if not x.startswith(b"TransformMatrix")))

    scan = read_scan(path)

    assert scan.grid.axcodes == "LPS"
    assert "DICOM axes are assumed" in scan.source.notes[0]


def test_all_formats_of_one_scan_agree(tmp_path: Path) -> None:
    original = a_scan("LPS", oblique=True)
    nib.Nifti1Image(original.array, original.grid.affine).to_filename(tmp_path / "a.nii.gz")
    paths = [_save(original, tmp_path / f"a.{suffix}") for suffix in FORMATS]

    first = read_scan(tmp_path / "a.nii.gz")

    for path in paths:
        scan = read_scan(path)
        assert scan.grid.matches(first.grid)
        assert np.array_equal(scan.array, first.array)


@pytest.mark.parametrize(("stored", "kept"), [("i4", "i2"), ("f4", "f4"), ("f8", "f4")])
def test_other_types_become_int16_or_float32(stored: str, kept: str, tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(a_body().astype(stored).T)
    image.SetSpacing((2.0, 2.5, 4.0))
    sitk.WriteImage(image, str(tmp_path / "a.mha"))

    scan = read_scan(tmp_path / "a.mha")

    assert scan.array.dtype == np.dtype(kept)
    assert np.array_equal(scan.array, a_body())


def test_an_nrrd_that_does_not_say_where_it_begins_is_noted(tmp_path: Path) -> None:
    path = _save(a_scan("LPS"), tmp_path / "a.nrrd")
    lines = path.read_bytes().split(b"\n", 20)
    path.write_bytes(b"\n".join(x for x in lines if not x.startswith(b"space origin")))

    scan = read_scan(path)

    assert np.array_equal(scan.grid.affine[:3, 3], np.zeros(3))
    assert "no space origin" in scan.source.notes[0]


def test_a_key_of_somebody_s_own_in_an_nrrd_is_no_field(tmp_path: Path) -> None:
    path = _save(a_scan(), tmp_path / "a.nrrd")
    path.write_bytes(path.read_bytes().replace(b"kinds:", b"space units:=m\nkinds:", 1))

    assert np.array_equal(read_scan(path).array, a_body())


def test_detached_values_may_be_what_their_file_ends_with(tmp_path: Path) -> None:
    path = _save(a_scan(), tmp_path / "a.mhd")
    path.write_bytes(path.read_bytes().replace(b"NDims", b"HeaderSize = -1\nNDims", 1))
    raw = tmp_path / "a.raw"
    raw.write_bytes(b"of another program" + raw.read_bytes())

    assert np.array_equal(read_scan(path).array, a_body())


def _with_field(path: Path, line: bytes) -> Path:
    path.write_bytes(path.read_bytes().replace(b"DimSize", line + b"\nDimSize", 1))
    return path


@pytest.mark.parametrize(
    "line",
    [b"Patient Name = Test^Phantom", "0010|0010 = Müller".encode("latin-1")],
    ids=["key of two words", "value in Latin-1"],
)
def test_fields_of_other_programs_in_a_metaimage_do_no_harm(line: bytes, tmp_path: Path) -> None:
    original = a_scan()

    scan = read_scan(_with_field(_save(original, tmp_path / "a.mha"), line))

    assert np.array_equal(scan.array, original.array)
    assert scan.grid.matches(original.grid, tolerance_mm=1e-6)


def test_a_key_in_latin_1_in_an_nrrd_does_no_harm(tmp_path: Path) -> None:
    path = _save(a_scan(), tmp_path / "a.nrrd")
    line = "patient:=Müller\nkinds:".encode("latin-1")
    path.write_bytes(path.read_bytes().replace(b"kinds:", line, 1))

    assert np.array_equal(read_scan(path).array, a_body())


def test_a_metaimage_may_begin_with_a_comment(tmp_path: Path) -> None:
    path = _save(a_scan(), tmp_path / "a.mha")
    path.write_bytes(b"Comment = from a phantom\n" + path.read_bytes())

    assert np.array_equal(read_scan(path).array, a_body())


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_long_of_a_metaimage_has_four_bytes(packed: bool, tmp_path: Path) -> None:
    path = _save(a_scan(), tmp_path / "a.mha", packed=packed, kind="i4")
    path.write_bytes(path.read_bytes().replace(b"MET_INT", b"MET_LONG", 1))

    assert np.array_equal(read_scan(path).array, a_body())


def test_a_long_of_eight_bytes_in_a_metaimage_is_refused(tmp_path: Path) -> None:
    path = _save(a_scan(), tmp_path / "a.mha", kind="i8")
    path.write_bytes(path.read_bytes().replace(b"MET_LONG_LONG", b"MET_LONG", 1))

    with pytest.raises(InputError, match="damaged"):
        read_scan(path)
