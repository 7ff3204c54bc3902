from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from atlastumor.scans import read_scan

from .bodies import a_body, an_affine

ORIENTATIONS = [
    "".join(codes)
    for axes in itertools.permutations(["RL", "AP", "SI"])
    for codes in itertools.product(*axes)
]


def _save(path: Path, array: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nib.Nifti1Image(array, an_affine() if affine is None else affine).to_filename(path)
    return path


@pytest.mark.parametrize("oblique", [False, True], ids=["straight", "oblique"])
@pytest.mark.parametrize("axcodes", ORIENTATIONS)
def test_every_orientation_is_kept_as_nibabel_reads_it(
    axcodes: str, oblique: bool, tmp_path: Path
) -> None:
    path = _save(tmp_path / "a.nii", a_body(), an_affine(axcodes, oblique=oblique))

    scan = read_scan(path)

    assert np.array_equal(scan.grid.affine, nib.load(path).affine)
    assert scan.grid.axcodes == axcodes
    assert np.array_equal(scan.array, a_body())
    assert scan.array.dtype == np.int16
    assert scan.source.kind == "nifti"
    assert scan.source.notes == ()


@pytest.mark.parametrize(
    ("dtype", "slope", "inter"),
    [
        ("i1", 8, 0),
        ("u1", 8, -1024),
        ("i2", 1, 0),
        ("u2", 1, -1024),
        ("i4", 1, 0),
        ("u4", 1, -1024),
        ("i8", 1, 0),
        ("f4", 1, 0),
        ("f8", 1, 0),
        (">i2", 1, 0),
        (">f4", 1, 0),
    ],
)
def test_every_real_type_gives_the_values_of_nibabel(
    dtype: str, slope: int, inter: int, tmp_path: Path
) -> None:
    stored = ((a_body().astype(np.int64) - inter) // slope).astype(dtype)
    header = nib.Nifti1Header(endianness=">" if ">" in dtype else "<")
    header.set_data_dtype(stored.dtype)
    image = nib.Nifti1Image(stored, an_affine(), header)
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(_with_scaling(image, slope, inter)))

    scan = read_scan(path)

    assert np.array_equal(scan.array, nib.load(path).get_fdata())
    assert scan.array.dtype == (np.float32 if "f" in dtype else np.int16)


def _with_scaling(image: nib.Nifti1Image, slope: float, inter: float) -> bytes:
    """The image's bytes with slope and intercept set, which nibabel would work into the values."""
    data = bytearray(image.to_bytes())
    header = np.frombuffer(
        data, image.header.template_dtype.newbyteorder(image.header.endianness), 1
    )
    header["scl_slope"], header["scl_inter"] = slope, inter
    return bytes(data)


def test_a_fractional_slope_gives_float32(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    image = nib.Nifti1Image((a_body() * 2).astype(np.int16), an_affine())
    path.write_bytes(_with_scaling(image, 0.5, 0.25))

    scan = read_scan(path)

    assert scan.array.dtype == np.float32
    assert np.array_equal(scan.array, a_body() + np.float32(0.25))


def test_nifti_2_is_read(tmp_path: Path) -> None:
    nib.Nifti2Image(a_body(), an_affine("RAS")).to_filename(tmp_path / "a.nii.gz")

    scan = read_scan(tmp_path / "a.nii.gz")

    assert scan.grid.axcodes == "RAS"
    assert np.array_equal(scan.array, a_body())


def test_a_gzip_without_gz_in_its_name_is_read(tmp_path: Path) -> None:
    _save(tmp_path / "a.nii.gz", a_body()).rename(tmp_path / "scan")

    assert np.array_equal(read_scan(tmp_path / "scan").array, a_body())


def test_a_fourth_axis_of_one_is_dropped_with_a_note(tmp_path: Path) -> None:
    scan = read_scan(_save(tmp_path / "a.nii", a_body()[..., None]))

    assert scan.array.shape == a_body().shape
    assert scan.source.notes == ("Axes of size 1 were dropped (shape 40 x 34 x 12 x 1).",)


def test_a_conflict_of_sform_and_qform_is_noted_and_the_sform_counts(tmp_path: Path) -> None:
    image = nib.Nifti1Image(a_body(), an_affine())
    moved = an_affine()
    moved[2, 3] += 12
    image.set_sform(an_affine(), 1)
    image.set_qform(moved, 1)
    image.to_filename(tmp_path / "a.nii")

    scan = read_scan(tmp_path / "a.nii")

    assert np.array_equal(scan.grid.affine, an_affine())
    assert "up to 12.0 mm apart" in scan.source.notes[0]


def test_a_qform_alone_counts(tmp_path: Path) -> None:
    image = nib.Nifti1Image(a_body(), None)
    image.set_qform(an_affine("LIP"), 1)
    image.set_sform(None, 0)
    image.to_filename(tmp_path / "a.nii")

    scan = read_scan(tmp_path / "a.nii")

    assert scan.grid.axcodes == "LIP"
    assert np.array_equal(scan.grid.affine, nib.load(tmp_path / "a.nii").affine)


def test_a_missing_orientation_is_noted(tmp_path: Path) -> None:
    image = nib.Nifti1Image(a_body(), None)
    image.header.set_zooms((2, 2.5, 4))
    image.set_sform(None, 0)
    image.set_qform(None, 0)
    image.to_filename(tmp_path / "a.nii")

    scan = read_scan(tmp_path / "a.nii")

    assert np.array_equal(scan.grid.affine, nib.load(tmp_path / "a.nii").affine)
    assert "no sform or qform" in scan.source.notes[0]


def test_progress_rises_from_nothing_to_one(tmp_path: Path) -> None:
    seen: list[float] = []

    read_scan(_save(tmp_path / "a.nii.gz", a_body()), progress=lambda f, _s: seen.append(f))

    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
