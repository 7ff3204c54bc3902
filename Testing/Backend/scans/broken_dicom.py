"""DICOM series that are broken in one way each."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from .bodies import a_scan
from .broken_files import BadInput
from .dicom_series import Change, write_dicom_series, write_enhanced_ct

MR_CLASS = "1.2.840.10008.5.1.4.1.1.4"


def _series(**options: Any) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        write_dicom_series(a_scan(), folder / "study", **options)
        return folder / "study"

    return build


def _with(change: Callable[[Dataset], None], only: int | None = None) -> Callable[[Path], Path]:
    """A series in which all images, or one, were changed."""

    def apply(dataset: Dataset, k: int) -> None:
        if only is None or k == only:
            change(dataset)

    return _series(change=apply)


def _set(only: int | None = None, **tags: Any) -> Callable[[Path], Path]:
    def change(dataset: Dataset) -> None:
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)

    return _with(change, only)


def _drop(keyword: str, only: int | None = None) -> Callable[[Path], Path]:
    return _with(lambda dataset: delattr(dataset, keyword), only)


def _as_mr(dataset: Dataset) -> None:
    dataset.SOPClassUID, dataset.Modality = MR_CLASS, "MR"


def _as_text(keyword: str, vr: str, value: str) -> Change:
    """Write a value that its VR does not allow, past pydicom's checks."""

    def change(dataset: Dataset, _k: int) -> None:
        del dataset[keyword]
        dataset.add_new(keyword, vr, value)

    return change


def _halve_pixels(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2]


def _cut_file(folder: Path) -> Path:
    paths = write_dicom_series(a_scan(), folder / "study")
    paths[5].write_bytes(paths[5].read_bytes()[:-900])
    return folder / "study"


def _empty_file(folder: Path) -> Path:
    write_dicom_series(a_scan(), folder / "study")[-1].write_bytes(b"")
    return folder / "study"


def _dangling_link(folder: Path) -> Path:
    """The last image is a link whose file was never fetched, as git-annex leaves them."""
    last = write_dicom_series(a_scan(), folder / "study")[-1]
    last.unlink()
    last.symlink_to(folder / "objects" / "last")
    return folder / "study"


def _packed_file(folder: Path) -> Path:
    last = write_dicom_series(a_scan(), folder / "study")[-1]
    last.rename(f"{last}.gz").write_bytes(gzip.compress(b"hello"))
    return folder / "study"


def _noise_file(folder: Path) -> Path:
    paths = write_dicom_series(a_scan(), folder / "study")
    paths[5].write_bytes(paths[5].read_bytes()[:132] + b"\xff\x13\x00\x37" * 50)
    return folder / "study"


def _two_series(folder: Path) -> Path:
    for name in ("arterial", "venous"):
        write_dicom_series(a_scan(), folder / "study" / name, description=name)
    return folder / "study"


def _two_phases(folder: Path) -> Path:
    for name in ("arterial", "venous"):
        write_dicom_series(
            a_scan(),
            folder / "study" / name,
            series_uid="1.2.3.4",
            change=lambda dataset, _k: setattr(dataset, "FrameOfReferenceUID", "1.2.3.5"),
        )
    return folder / "study"


def _conflicting_copy(folder: Path) -> Path:
    paths = write_dicom_series(a_scan(), folder / "study")
    data = bytearray(paths[3].read_bytes())
    data[-1] ^= 1
    (folder / "study" / "copy.dcm").write_bytes(data)
    return folder / "study"


def _only_directory(folder: Path) -> Path:
    """A folder with nothing but a file that says it is a DICOMDIR."""
    paths = write_dicom_series(
        a_scan(),
        folder / "study",
        change=lambda dataset, _k: setattr(dataset, "SOPClassUID", "1.2.840.10008.1.3.10"),
    )
    shutil.move(paths[0], folder / "DICOMDIR")
    shutil.rmtree(folder / "study")
    return folder


def _wobble(dataset: Dataset, k: int) -> None:
    x, y, z = dataset.ImagePositionPatient
    dataset.ImagePositionPatient = [x + (3 if k == 4 else 0), y, z]


def _uneven(dataset: Dataset, k: int) -> None:
    x, y, z = (float(v) for v in dataset.ImagePositionPatient)
    dataset.ImagePositionPatient = [x, y, z + 0.1 * k * k]


def _enhanced(change: Change | None = None, n: int = 1) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        (folder / "study").mkdir()
        for number in range(n):
            write_enhanced_ct(a_scan(), folder / "study" / f"{number}.dcm", change=change)
        return folder / "study"

    return build


def _half_frames(dataset: Dataset, _k: int) -> None:
    dataset.NumberOfFrames = 6


def _same_uid(dataset: Dataset, _k: int) -> None:
    dataset.SeriesInstanceUID = "1.2.3.4"


def _lose_positions(dataset: Dataset, _k: int) -> None:
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence


_FEET_TURNED = [1, 0, 0, 0, 0, -1]

BAD_DICOM: list[BadInput] = [
    ("a series has one slice", _series(skip=range(1, 12)), "only 1 slice"),
    ("a series has five slices", _series(skip=range(5, 12)), "only 5 slices"),
    ("a slice is missing", _series(skip=[4]), "1 slice is missing: between slices 4 and 5 of 11"),
    ("slices are missing", _series(skip=[4, 5, 8]), "3 slices are missing"),
    ("slices are unevenly spaced", _series(change=_uneven), "unevenly spaced, 4.10 to 6.10 mm"),
    ("a slice lies aside", _series(change=_wobble), "beside a regular grid"),
    ("the gantry was tilted", _series(tilt_degrees=15), "tilted by 15.0 degrees"),
    ("two series are in the folder", _two_series, "holds 2 CT series"),
    ("two phases are in one series", _two_phases, "share a position"),
    ("a copy of an image differs", _conflicting_copy, "one SOPInstanceUID but differ"),
    ("images differ in size", _with(lambda d: _crop(d), 3), "different size"),
    ("images differ in spacing", _set(3, PixelSpacing=[2.5, 2.2]), "different pixel spacing"),
    (
        "images differ in orientation",
        _set(3, ImageOrientationPatient=_FEET_TURNED),
        "different orie",
    ),
    ("images differ in coordinate system", _set(3, FrameOfReferenceUID="1.2.3"), "frame of refer"),
    ("the series is MR", _with(_as_mr), "holds no CT images (found: 12 MR)"),
    ("the modality is missing", _drop("Modality"), "12 of no modality"),
    ("there are only localizers", _set(ImageType=["DERIVED", "LOCALIZER"]), "12 CT localizer"),
    (
        "there are only captures",
        _set(SOPClassUID="1.2.840.10008.5.1.4.1.1.7"),
        "reports or captures",
    ),
    ("there is only a DICOMDIR", _only_directory, "DICOMDIR but no images"),
    ("the series has no UID", _drop("SeriesInstanceUID"), "no SeriesInstanceUID"),
    ("an image has no position", _drop("ImagePositionPatient", 3), "lacks ImagePositionPatient"),
    (
        "an image has a damaged position",
        _series(change=_as_text("ImagePositionPatient", "LO", "here\\and\\there")),
        "damaged ImagePositionPatient",
    ),
    (
        "an orientation is impossible",
        _set(ImageOrientationPatient=[1, 0, 0, 1, 0, 0]),
        "not orthogonal unit vectors",
    ),
    ("the pixel spacing is zero", _set(PixelSpacing=[0, 0]), "voxel spacing is 0 x 0 x 4 mm"),
    ("a pixel spacing is negative", _set(PixelSpacing=[2.5, -2]), "PixelSpacing is 2.5 x -2 mm"),
    ("an image is a link to nowhere", _dangling_link, "leads to no file"),
    ("an image is packed", _packed_file, "packed with gzip"),
    ("the rescale intercept is missing in DICOM", _drop("RescaleIntercept"), "lacks RescaleInter"),
    ("values are in another unit", _set(RescaleType="MGML"), "values in 'MGML'"),
    (
        "the images are inverted",
        _set(PhotometricInterpretation="MONOCHROME1"),
        "MONOCHROME1 pixels",
    ),
    (
        "the images are in color",
        _set(PhotometricInterpretation="RGB", SamplesPerPixel=3),
        "RGB pixel",
    ),
    ("the images are 8-bit", _set(BitsAllocated=8, BitsStored=8, HighBit=7), "8 bits per pixel"),
    ("pixel data are too short", _with(_halve_pixels, 6), "truncated or damaged pixel data"),
    ("pixel data are missing", _drop("PixelData", 6), "has no pixel data"),
    ("a DICOM file is cut", _cut_file, "damaged pixel data"),
    ("a DICOM file is empty", _empty_file, "is damaged"),
    ("a DICOM file is noise", _noise_file, "damaged"),
    ("an enhanced CT lacks frames", _enhanced(_half_frames), "each of its frames"),
    ("an enhanced CT lacks positions", _enhanced(_lose_positions), "lacks ImagePositionPatient"),
    ("a series has two enhanced CTs", _enhanced(_same_uid, 2), "2 files with several images"),
]


def _crop(dataset: Dataset) -> None:
    dataset.Rows -= 2
    dataset.PixelData = dataset.PixelData[: 2 * dataset.Rows * dataset.Columns]
