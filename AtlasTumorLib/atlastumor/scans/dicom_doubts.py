"""What is doubtful about a DICOM series: refused where slices may be lost by it, else told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .dicom_headers import Header, tag_text
from .dicom_series import is_ct_class, is_ct_image, name_kind
from .input_files import name_of

__all__ = ["refuse_lost_images", "tell_doubts"]

_SAME = 0.02  # of the distance of slices


def refuse_lost_images(groups: Mapping[str, Sequence[Header]], uid: str) -> None:
    """Refuse a series when an image may belong to it that does not say so.

    Such an image at the end of a series would be missed by nobody.

    Args:
        groups: Headers of the place by SeriesInstanceUID; "" has those that lack it.
        uid: Of the series chosen.

    Raises:
        InputError: If a CT image has no SeriesInstanceUID, or one of the series no modality or
            another one.
    """
    for header in groups.get("", ()) if uid else ():
        if is_ct_class(header):
            msg = (
                f"{name_of(header.path)} is a CT image without SeriesInstanceUID, so it may belong "
                "to the series or not. Export the series again."
            )
            raise InputError(msg)
    for header in groups[uid]:
        modality = tag_text(header, "Modality")
        if is_ct_class(header) and not modality:
            msg = f"{name_of(header.path)} lacks Modality. Export the series again."
            raise InputError(msg)
        if modality not in ("", "CT") and tag_text(header, "Rows"):
            msg = (
                f"The series mixes CT and {modality[:16]} images ({name_of(header.path)} is "
                f"{modality[:16]}). Export the CT series alone."
            )
            raise InputError(msg)


def tell_doubts(headers: Sequence[Header], affine: npt.NDArray[np.float64]) -> tuple[str, ...]:
    """Tell what a reader of the result should know of its series.

    Args:
        headers: All of one series, those that were left out too.
        affine: Of the volume made of it.

    Returns:
        Sentences.
    """
    left_out = [name_kind(header) for header in headers if not is_ct_image(header)]
    notes = [
        f"Left out of the series: {left_out.count(kind)} {kind}." for kind in sorted(set(left_out))
    ]
    images = [header for header in headers if is_ct_image(header)]
    if any(tag_text(header, "BurnedInAnnotation").upper() == "YES" for header in images):
        notes.append("Text is burned into the images; results under it may be wrong.")
    said, is_mm = tag_text(images[0], "SpacingBetweenSlices"), float(np.linalg.norm(affine[:, 2]))
    try:
        said_mm = abs(float(said)) if said else is_mm
    except ValueError:
        said_mm = is_mm
    if abs(said_mm - is_mm) > _SAME * is_mm:
        notes.append(
            f"SpacingBetweenSlices says {said_mm:g} mm, the positions {is_mm:g} mm; the positions "
            "were used."
        )
    return tuple(notes)
