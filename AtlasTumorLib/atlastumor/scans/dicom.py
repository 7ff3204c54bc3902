"""A DICOM series from a file, a folder or a zip."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..progress import Progress, ignore_progress, part_of
from ..volume import Source
from .archive import unpack_dicom
from .dicom_doubts import refuse_lost_images, tell_doubts
from .dicom_geometry import make_affine, sort_slices
from .dicom_headers import count_images, find_files, read_headers, tag_text
from .dicom_pixels import read_pixels
from .dicom_series import choose_series, describe_series, group_series, is_ct_image
from .dicom_slices import Slice, find_slices
from .gate import check_geometry, require_volume
from .input_files import hash_files, name_of
from .loaded import Loaded
from .series import Series

__all__ = ["list_dicom", "read_dicom"]


def read_dicom(path: Path, kind: str, series: str | None, progress: Progress) -> Loaded:
    """Read a CT series.

    Args:
        path: Where it is.
        kind: "folder", "zip" or "dicom".
        series: The SeriesInstanceUID or its beginning; None for the only CT series.
        progress: Told how far the reading is.

    Returns:
        The volume, its axes along columns, rows and slices.

    Raises:
        InputError: If there is no single CT series that makes one regular volume.
    """
    if kind != "zip":
        return _read_place(path, kind, series, progress)
    unpacked = tempfile.TemporaryDirectory(prefix="atlastumor-", ignore_cleanup_errors=True)
    try:
        unpack_dicom(path, Path(unpacked.name), part_of(progress, 0.0, 0.3))
        progress_left = part_of(progress, 0.3, 1.0)
        loaded = _read_files(find_files(Path(unpacked.name)), name_of(path), series, progress_left)
    except BaseException:
        unpacked.cleanup()
        raise
    # DICOM results need the files of their series, so these stay as long as their Source does.
    weakref.finalize(loaded.source, unpacked.cleanup)
    return loaded


def list_dicom(path: Path, kind: str) -> list[Series]:
    """List the series in a file's folder, a folder or a zip.

    Args:
        path: Where to look.
        kind: "folder", "zip" or "dicom".

    Returns:
        One entry per series, by UID.

    Raises:
        InputError: If something there cannot be read.
    """
    if kind != "zip":
        folder = path if kind == "folder" else path.parent
        return describe_series(
            group_series(
                read_headers(find_files(folder, is_deep=kind == "folder"), ignore_progress)
            )
        )
    with tempfile.TemporaryDirectory(prefix="atlastumor-") as unpacked:
        unpack_dicom(path, Path(unpacked), ignore_progress)
        headers = read_headers(find_files(Path(unpacked)), ignore_progress)
        return describe_series(group_series(headers))


def _read_place(path: Path, kind: str, series: str | None, progress: Progress) -> Loaded:
    if kind == "folder":
        return _read_files(find_files(path), name_of(path), series, progress)
    own = read_headers([path], ignore_progress)
    if not own:  # a DICOMDIR stands for its folder
        return _read_files(find_files(path.parent), name_of(path), series, progress)
    if series is None:
        if not is_ct_image(own[0]):
            choose_series(group_series(own), None, name_of(path))
        series = tag_text(own[0], "SeriesInstanceUID")
    if count_images(own[0]) > 1:
        return _read_files([path], name_of(path), series, progress)
    beside = find_files(path.parent, is_deep=False)
    return _read_files(beside, name_of(path.absolute().parent), series, progress)


def _read_files(
    paths: Sequence[Path], place: str, series: str | None, progress: Progress
) -> Loaded:
    """Choose a series among files, order its slices and read them."""
    if not paths:
        msg = f"{place} holds no DICOM files. Give the folder or zip of a CT series."
        raise InputError(msg)
    headers = read_headers(paths, part_of(progress, 0.0, 0.3))
    if not headers:
        msg = f"{place} holds a DICOMDIR but no images. Give the folder of a CT series."
        raise InputError(msg)
    groups = group_series(headers)
    uid, images = choose_series(groups, series, place)
    if not uid:
        msg = f"The CT images in {place} have no SeriesInstanceUID. Export the series again."
        raise InputError(msg)
    refuse_lost_images(groups, uid)
    slices, notes = _drop_copies(find_slices(images))
    columns, rows = slices[0].size
    shape, _ = require_volume((columns, rows, len(slices)))
    ordered = sort_slices(slices)
    if len(ordered) == 1:
        msg = f"The CT series in {place} has only 1 slice. Load the whole series."
        raise InputError(msg)
    affine, geometry_notes = make_affine(ordered)
    geometry_notes += tell_doubts(groups[uid], affine)
    check_geometry(shape, affine)
    array, sha256, pixel_notes = read_pixels(ordered, part_of(progress, 0.3, 1.0))
    files = tuple(dict.fromkeys(one.path for one in ordered))
    source = Source("dicom", sha256, files, notes + geometry_notes + pixel_notes)
    return Loaded(array, affine, source)


def _drop_copies(slices: list[Slice]) -> tuple[list[Slice], tuple[str, ...]]:
    """Drop files that are byte for byte copies of another; same UID but other bytes is an error."""
    kept: dict[tuple[str, int], Slice] = {}
    for one in slices:
        other = kept.setdefault((one.uid or str(one.path), one.frame), one)
        if other is not one and hash_files([other.path]) != hash_files([one.path]):
            msg = (
                f"{name_of(other.path)} and {name_of(one.path)} have one SOPInstanceUID but "
                "differ. Export the series again."
            )
            raise InputError(msg)
    n_dropped = len(slices) - len(kept)
    notes = (f"{n_dropped} duplicate DICOM files were left out.",) if n_dropped else ()
    return list(kept.values()), notes
