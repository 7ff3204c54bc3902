"""The pixels of a DICOM series as HU, one image in memory at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..progress import Progress
from .dicom_headers import lenient_pydicom
from .dicom_slices import Slice
from .hounsfield import AIR_HU, scan_dtype, store_hu
from .input_files import hash_files, name_of

__all__ = ["read_pixels"]

_ITEM = b"\xfe\xff\x00\xe0"  # before each fragment of compressed pixels (DICOM PS3.5 A.4)
_TISSUE_HU = (-500, 3071)


def read_pixels(
    ordered: Sequence[Slice], progress: Progress
) -> tuple[npt.NDArray[Any], str, tuple[str, ...]]:
    """Read the images of a series.

    Args:
        ordered: Its slices in order; either one file each or all frames of one file.
        progress: Told how far the reading is.

    Returns:
        HU (columns, rows, slices), int16 or float32; SHA-256 of the files in slice order; notes.

    Raises:
        InputError: If pixel data are truncated, damaged or compressed in an unknown way.
    """
    kinds = {scan_dtype(np.int16, one.slope, one.intercept) for one in ordered}
    dtype = np.dtype(np.int16) if kinds == {np.dtype(np.int16)} else np.dtype(np.float32)
    columns, rows = ordered[0].size
    out = np.empty((columns, rows, len(ordered)), dtype, order="F")
    digest: list[str] = []
    notes: dict[str, None] = {}
    for k, (one, dataset, pixels) in enumerate(_decode(ordered, digest)):
        if pixels.shape != (rows, columns):
            msg = f"{name_of(one.path)} does not hold one image of {columns} x {rows} pixels."
            raise InputError(msg)
        plane = out[:, :, k]
        stored = _mask_unused_bits(pixels, dataset, one.path)
        is_padding, said = _find_padding(stored, dataset, one)
        notes |= dict.fromkeys(said)
        # What was never measured need not fit into any type.
        measured = stored if is_padding is None else np.where(is_padding, 0, stored)
        store_hu(measured.T, plane, slope=one.slope, intercept=one.intercept)
        if is_padding is not None:
            plane[is_padding.T] = AIR_HU
        progress(k / len(ordered), "Reading the scan")
    return out, digest[0], tuple(notes)


def _decode(
    ordered: Sequence[Slice], digest: list[str]
) -> Iterator[tuple[Slice, Any, npt.NDArray[Any]]]:
    """Yield each slice with its dataset and stored pixels (rows, columns); append the hash."""
    if len({one.path for one in ordered}) == 1 and len(ordered) > 1:
        yield from _decode_frames(ordered)
        digest.append(hash_files([ordered[0].path]))
        return
    import pydicom
    from pydicom.pixels.utils import pixel_array

    total = hashlib.sha256()
    for one in ordered:
        data = one.path.read_bytes()
        total.update(data)
        dataset: Any = None
        try:
            with lenient_pydicom():
                dataset = _name_syntax(pydicom.dcmread(BytesIO(data), force=True))
                pixels = pixel_array(dataset, decoding_plugin=_choose_decoder(dataset))
        except Exception as error:  # decoders raise whatever foreign bytes lead them to
            raise _damaged(one.path, error, dataset) from error
        yield one, dataset, pixels
    digest.append(total.hexdigest())


def _decode_frames(ordered: Sequence[Slice]) -> Iterator[tuple[Slice, Any, npt.NDArray[Any]]]:
    """Yield the frames of one multi-frame file, in slice order."""
    import pydicom
    from pydicom.pixels.utils import iter_pixels

    path = ordered[0].path
    dataset: Any = None
    frames: Iterator[Any] = iter(())
    for one in ordered:
        try:
            with lenient_pydicom():  # closed again before the caller goes on
                if dataset is None:
                    dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
                    source: Any = path
                    if "TransferSyntaxUID" not in dataset.file_meta:
                        source = _name_syntax(pydicom.dcmread(path, force=True))
                    decoder = _choose_decoder(dataset)
                    indices = [one.frame for one in ordered]
                    frames = iter_pixels(source, indices=indices, decoding_plugin=decoder)
                pixels = next(frames)
        except Exception as error:  # as above
            raise _damaged(path, error) from error
        yield one, dataset, pixels


def _name_syntax(dataset: Any) -> Any:
    """Name the transfer syntax of a dataset without a meta header, as it was found to be."""
    from pydicom import uid

    if "TransferSyntaxUID" not in dataset.file_meta:
        is_implicit, is_little = dataset.original_encoding
        explicit = uid.ExplicitVRLittleEndian if is_little else uid.ExplicitVRBigEndian
        syntax = uid.ImplicitVRLittleEndian if is_implicit else explicit
        dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def _choose_decoder(dataset: Any) -> str:
    """The decoder to insist on; empty leaves it to pydicom.

    The optional Rust decoder of RLE answers damaged data with a panic, which is no Exception.
    """
    from pydicom.uid import RLELossless

    return "pydicom" if dataset.file_meta.get("TransferSyntaxUID") == RLELossless else ""


def _damaged(path: Path, error: Exception, dataset: Any = None) -> InputError:
    """Say what is wrong with pixel data, as far as they and the decoder's exception tell."""
    if isinstance(error, NotImplementedError) or "missing dependencies" in str(error):
        problem = "is compressed in a way that cannot be read here. Export it uncompressed."
    elif dataset is not None and not dataset.get("PixelData"):
        problem = "has no pixel data. Copy or export the series again."
    elif dataset is not None and _is_mislabeled(dataset):
        problem = "has pixel data in another transfer syntax than it names. Export it again."
    else:
        problem = "has truncated or damaged pixel data. Copy or export the series again."
    return InputError(f"{name_of(path)} {problem}")


def _is_mislabeled(dataset: Any) -> bool:
    """Whether pixels are compressed though the file says they are not, or the other way round."""
    begins_packed: bool = dataset.PixelData[:4] == _ITEM
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    return begins_packed != bool(getattr(syntax, "is_compressed", begins_packed))


def _mask_unused_bits(pixels: npt.NDArray[Any], dataset: Any, path: Path) -> npt.NDArray[Any]:
    """Drop what lies above BitsStored (old overlays do) and restore the sign below it."""
    n_stored, n_bits = int(dataset.BitsStored), pixels.dtype.itemsize * 8
    if dataset.get("HighBit") not in (n_stored - 1, None) or not 8 <= n_stored <= n_bits:
        msg = f"{name_of(path)} stores its bits in an unusual way. Export the series again."
        raise InputError(msg)
    if n_stored == n_bits:
        return pixels
    shift = n_bits - n_stored
    masked: npt.NDArray[Any] = np.right_shift(np.left_shift(pixels, shift), shift)
    return masked


def _find_padding(
    stored: npt.NDArray[Any], dataset: Any, one: Slice
) -> tuple[npt.NDArray[np.bool_] | None, list[str]]:
    """Find voxels that were never measured and are to be air; say so if there are any."""
    value = dataset.get("PixelPaddingValue")
    limit = dataset.get("PixelPaddingRangeLimit")
    if not isinstance(value, int) or not isinstance(limit, (int, type(None))):
        return None, []
    low, high = sorted(_as_stored(v, stored) for v in (value, value if limit is None else limit))
    is_padding = (stored >= low) & (stored <= high)
    if not is_padding.any():
        return None, []
    hu = sorted((low * one.slope + one.intercept, high * one.slope + one.intercept))
    if hu[1] > _TISSUE_HU[0] and hu[0] < _TISSUE_HU[1]:
        return None, ["The pixel padding value lies among tissue densities and was not used."]
    return is_padding, [f"Pixel padding was set to air ({AIR_HU} HU)."]


def _as_stored(value: Any, stored: npt.NDArray[Any]) -> int:
    """A padding value in the pixels' own type; files often write it with the wrong sign."""
    return int(np.array(int(value) & 0xFFFF, np.uint16).astype(stored.dtype))
