"""Whole files whose volume is no CT, or lies on a grid that cannot be used."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from .bodies import SHAPE, a_body, an_affine
from .broken_files import BadInput, save_itk, save_nifti


def _save(folder: Path, array: np.ndarray, affine: np.ndarray | None = None) -> Path:
    return save_nifti(folder / "scan.nii.gz", array, affine)


def _rgb(folder: Path) -> Path:
    colors = np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    return _save(folder, colors)


def _vectors(folder: Path) -> Path:
    image = sitk.GetImageFromArray(np.zeros((12, 34, 40, 3), np.int16), isVector=True)
    sitk.WriteImage(image, str(folder / "scan.nrrd"))
    return folder / "scan.nrrd"


def _with_value(value: float, n: int) -> np.ndarray:
    array = a_body().astype(np.float32)
    array.flat[:n] = value
    return array


def _affine(change: np.ndarray) -> np.ndarray:
    """The usual affine with its columns mixed by a (3, 3) matrix."""
    affine = an_affine()
    affine[:3, :3] = affine[:3, :3] @ change
    return affine


def _not_finite(folder: Path) -> Path:
    image = nib.Nifti1Image(a_body(), an_affine())
    image.header["srow_x"][0] = np.nan
    data = bytearray(image.to_bytes())
    np.frombuffer(data, nib.nifti1.header_dtype, count=1)["srow_x"][0, 0] = np.nan
    (folder / "scan.nii").write_bytes(data)
    return folder / "scan.nii"


def _singular(folder: Path) -> Path:
    """Two axes along one direction, with spacings that look right."""
    data = bytearray(nib.Nifti1Image(a_body(), an_affine()).to_bytes())
    header = np.frombuffer(data, nib.nifti1.header_dtype, count=1)
    header["srow_z"][0] = (0, 0, 0, 0)
    header["srow_y"][0, 2] = 4.0
    (folder / "scan.nii").write_bytes(data)
    return folder / "scan.nii"


def _huge(folder: Path) -> Path:
    """A small file whose header claims 27 billion voxels."""
    data = bytearray(nib.Nifti1Image(a_body(), an_affine()).to_bytes())
    np.frombuffer(data, nib.nifti1.header_dtype, count=1)["dim"][0, 1:4] = 3000
    (folder / "scan.nii").write_bytes(data)
    return folder / "scan.nii"


def _magnetic() -> np.ndarray:
    """MR-like: dark background, bright tissue, a little ringing below zero."""
    return np.where(a_body() > -500, 900, 5) + (a_body() % 31) - 10


_STORED = (a_body().astype(np.int32) + 1024).astype(np.int16)
_PADDED = np.where(a_body() < -900, -2000, a_body() + 1024).astype(np.int16)
_SHEAR = np.array([[1, 0, 0], [0, 1, 0.5], [0, 0, 1]])

BAD_VOLUMES: list[BadInput] = [
    (
        "the scan is one image",
        lambda f: _save(f, a_body()[:, :, 0]),
        "not a volume (shape 40 x 34)",
    ),
    ("the scan has one slice", lambda f: _save(f, a_body()[:, :, :1]), "only 1 slice "),
    ("the scan has three slices", lambda f: _save(f, a_body()[:, :, :3]), "only 3 slices"),
    ("the scan has four time points", lambda f: _save(f, np.stack([a_body()] * 4, 3)), "4 volumes"),
    ("the scan has five axes", lambda f: _save(f, np.zeros((9, 9, 9, 2, 3), "i2")), "6 volumes"),
    ("the scan is in color", _rgb, "holds color values"),
    ("the scan holds vectors", _vectors, "3 values per voxel"),
    ("the scan is complex", lambda f: _save(f, a_body().astype("c8")), "holds complex64 values"),
    ("some voxels are NaN", lambda f: _save(f, _with_value(np.nan, 7)), "7 NaN and 0 infinite"),
    (
        "some voxels are infinite",
        lambda f: _save(f, _with_value(np.inf, 3)),
        "0 NaN and 3 infinite",
    ),
    ("every voxel is alike", lambda f: _save(f, np.full(SHAPE, -1000, "i2")), "value -1000"),
    (
        "the scan is a label map",
        lambda f: _save(f, (a_body() > 0).astype("u1")),
        "none is negative",
    ),
    (
        "the scan is an 8-bit picture",
        lambda f: _save(f, (a_body() % 256).astype("u1")),
        "a picture",
    ),
    ("the rescale intercept is missing", lambda f: _save(f, _STORED), "without the rescale"),
    ("stored values are padded", lambda f: _save(f, _PADDED), "no Hounsfield units"),
    (
        "the intercept was added twice",
        lambda f: _save(f, a_body() - 1024),
        "density of soft tissue",
    ),
    ("the scan is MR", lambda f: _save(f, _magnetic().astype("f4")), "no Hounsfield units"),
    ("values are normalized", lambda f: _save(f, a_body().astype("f4") / 1000), "neither air"),
    (
        "values are beyond any metal",
        lambda f: _save(f, a_body().astype("i4") * 99),
        "no Hounsfield",
    ),
    ("the affine is not finite", _not_finite, "not finite"),
    ("the affine is singular", _singular, "affine is singular"),
    ("the axes are sheared", lambda f: _save(f, a_body(), _affine(_SHEAR)), "sheared"),
    ("spacing is in meters", lambda f: _save(f, a_body(), _affine(np.eye(3) / 1000)), "0.002 x"),
    (
        "spacing is far too wide",
        lambda f: _save(f, a_body(), _affine(np.eye(3) * 9)),
        "36 mm; a CT",
    ),
    (
        "the scan is tiny",
        lambda f: _save(f, a_body(), _affine(np.eye(3) / 4)),
        "covers 20 x 21 x 12",
    ),
    ("the header claims a huge scan", _huge, "too large (shape 3000 x 3000 x 3000)"),
    (
        "an NRRD has one slice",
        lambda f: save_itk(f / "a.nrrd", a_body()[:, :, :1]),
        "only 1 slice ",
    ),
]
