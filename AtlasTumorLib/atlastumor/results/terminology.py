"""What a segment is, in SNOMED CT, and how Slicer writes it down."""

from __future__ import annotations

from ..organs import LESION_FINDING, Code
from .segments import Segment

__all__ = ["ALTERED_STRUCTURE", "ANATOMICAL_STRUCTURE", "to_terminology_entry"]

ANATOMICAL_STRUCTURE = Code("123037004", "Anatomical Structure")
ALTERED_STRUCTURE = Code("49755003", "Morphologically Altered Structure")

# Names of the contexts that come with Slicer: Modules/Loadable/Terminologies/Resources.
_TYPES = "Segmentation category and type - 3D Slicer General Anatomy list"
_REGIONS = "Anatomic codes - DICOM master list"


def to_terminology_entry(segment: Segment) -> str:
    """Write a segment's meaning as Slicer's segment tag `TerminologyEntry` wants it.

    An organ is an anatomical structure, with its side as modifier; a lesion is a mass (an
    unreviewed candidate is no more than that) in the region of its organ.

    Args:
        segment: An organ, a lesion, or several.

    Returns:
        Type context, category, type, its modifier, region context, region, its modifier, joined
        by `~`.
    """
    place = (segment.organ.snomed, segment.side.modifier if segment.side else None)
    if segment.is_organ:
        what, where = _join(ANATOMICAL_STRUCTURE, *place), _join(None, None)
    else:
        what, where = _join(ALTERED_STRUCTURE, LESION_FINDING, None), _join(*place)
    return f"{_TYPES}~{what}~{_REGIONS}~{where}"


def _join(*codes: Code | None) -> str:
    return "~".join(f"SCT^{code.value}^{code.meaning}" if code else "^^" for code in codes)
