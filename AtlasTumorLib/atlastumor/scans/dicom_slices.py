"""Where each CT image lies and how its stored values become HU.

Single-frame and enhanced multi-frame files come down to the same `Slice`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from .dicom_headers import Header, count_images, tag_numbers, tag_text
from .input_files import name_of

__all__ = ["Slice", "find_slices"]

_PIXEL_TAGS = ("SamplesPerPixel", "BitsAllocated", "BitsStored", "PixelRepresentation")
_HU_TYPES = ("", "HU", "HU_MOD", "US")  # US: the scanner does not say; the values will tell


@dataclass(frozen=True)
class Slice:
    """One CT image.

    Args:
        path: Its file.
        frame: Its number in a multi-frame file, from 0.
        position: Center of its first pixel, LPS mm.
        orientation: Directions along a row and along a column, LPS.
        spacing: Distance of rows and of columns, mm, in DICOM's order.
        size: Columns and rows.
        slope: HU per stored unit.
        intercept: HU of the stored value 0.
        frame_of_reference: UID of the coordinate system.
        uid: SOPInstanceUID.
    """

    path: Path
    frame: int
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    size: tuple[int, int]
    slope: float
    intercept: float
    frame_of_reference: str
    uid: str


def find_slices(headers: Sequence[Header]) -> list[Slice]:
    """Read the geometry and rescaling of every image of a series.

    Args:
        headers: Of the CT files of one series.

    Returns:
        Its images, in file order.

    Raises:
        InputError: If an image lacks or has damaged tags, or is no single-channel 16-bit image.
    """
    for header in headers:
        _check_pixels(header)
    if len(headers) > 1 and any(count_images(header) > 1 for header in headers):
        msg = (
            f"The series holds {len(headers)} files with several images each; one volume is "
            "needed. Give the one file to be read, in a folder of its own."
        )
        raise InputError(msg)
    return [one for header in headers for one in _list_slices(header)]


def _check_pixels(header: Header) -> None:
    """Refuse color, inverted, 8-bit and packed images, and those that do not say what they are."""
    msg = f"{name_of(header.path)} {{}}. Export the original CT series."
    for keyword in ("PhotometricInterpretation", *_PIXEL_TAGS):
        if not tag_text(header, keyword):
            raise InputError(msg.format(f"lacks {keyword}"))
    kind = tag_text(header, "PhotometricInterpretation")
    samples, bits, stored, _ = (tag_text(header, keyword) for keyword in _PIXEL_TAGS)
    if kind != "MONOCHROME2":
        problem = f"{kind[:16]} pixels where MONOCHROME2 is needed"
    elif samples != "1":
        problem = f"{samples[:16]} samples per pixel where CT has 1"
    elif bits != "16":
        problem = f"{bits[:16]} bits per pixel where CT has 16"
    elif not (stored.isdecimal() and 8 <= int(stored) <= 16):
        problem = f"{stored[:16]} BitsStored, which do not fit into its 16 bits"
    elif count_images(header) > 1 and not header.dataset.get("PerFrameFunctionalGroupsSequence"):
        problem = "several images without their positions"
    else:
        return
    raise InputError(msg.format(f"has {problem}"))


def _list_slices(header: Header) -> list[Slice]:
    """The images of one file; an enhanced one may hold a single image as well as many."""
    if header.dataset.get("PerFrameFunctionalGroupsSequence"):
        return _frames(header)
    return [_single(header)]


def _single(header: Header) -> Slice:
    return _make_slice(header, 0, header.dataset, header.dataset, header.dataset, header.dataset)


def _frames(header: Header) -> list[Slice]:
    """The frames of an enhanced CT; each group is per frame or shared (DICOM PS3.3 C.7.6.16)."""
    shared = (header.dataset.get("SharedFunctionalGroupsSequence") or [None])[0]

    def find(frame: Any, name: str) -> Any:
        for groups in (frame, shared):
            items = groups.get(name) if groups is not None else None
            if items:
                return items[0]
        return None

    frames = list(header.dataset.PerFrameFunctionalGroupsSequence)
    if len(frames) != count_images(header):
        msg = f"{name_of(header.path)} does not describe each of its frames. Export it again."
        raise InputError(msg)
    names = (
        "PlanePositionSequence",
        "PlaneOrientationSequence",
        "PixelMeasuresSequence",
        "PixelValueTransformationSequence",
    )
    return [
        _make_slice(header, n, *(find(frame, name) for name in names))
        for n, frame in enumerate(frames)
    ]


def _make_slice(
    header: Header, frame: int, position: Any, orientation: Any, measures: Any, values: Any
) -> Slice:
    """Build a slice from the datasets that hold its position, orientation, spacing and HU."""
    path = header.path
    unit = str((values.get("RescaleType") if values is not None else None) or "")
    if unit not in _HU_TYPES:
        msg = f"{name_of(path)} has values in {unit[:16]!r}; Hounsfield units are needed."
        raise InputError(msg)
    slope = tag_numbers(values, "RescaleSlope", 1, path)[0]
    if slope == 0:
        msg = (
            f"{name_of(path)} has a RescaleSlope of 0, by which all is one value. Export it again."
        )
        raise InputError(msg)
    spacing = tag_numbers(measures, "PixelSpacing", 2, path)
    if min(spacing) < 0:  # the gate refuses 0
        text = " x ".join(f"{mm:g}" for mm in spacing)
        msg = f"{name_of(path)} says its PixelSpacing is {text} mm. Export the series again."
        raise InputError(msg)
    size = [int(tag_numbers(header.dataset, key, 1, path)[0]) for key in ("Columns", "Rows")]
    return Slice(
        path=path,
        frame=frame,
        position=tag_numbers(position, "ImagePositionPatient", 3, path),
        orientation=tag_numbers(orientation, "ImageOrientationPatient", 6, path),
        spacing=spacing,
        size=(size[0], size[1]),
        slope=slope,
        intercept=tag_numbers(values, "RescaleIntercept", 1, path)[0],
        frame_of_reference=tag_text(header, "FrameOfReferenceUID"),
        uid=tag_text(header, "SOPInstanceUID"),
    )
