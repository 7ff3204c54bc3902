"""What each segment of a DICOM SEG says about itself."""

from __future__ import annotations

from typing import Any

from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.uid import UID

from ..organs import LESION_FINDING, Code
from ..provenance import Provenance
from .segments import Segment
from .terminology import ALTERED_STRUCTURE, ANATOMICAL_STRUCTURE

__all__ = ["ALGORITHM_FAMILY", "describe_segment", "name_algorithm", "to_concept"]

ALGORITHM_FAMILY = CodedConcept("123110", "DCM", "Artificial Intelligence")  # CID 7162


def describe_segment(segment: Segment, provenance: Provenance, uid: UID) -> SegmentDescription:
    """Describe a segment: an organ with its side, or a mass in the region of an organ.

    Args:
        segment: The organ or lesion, or the smaller lesions of an organ.
        provenance: Who outlined it.
        uid: Tracking UID for a lesion.

    Returns:
        An item of the segment sequence.
    """
    lesion = segment.lesion
    place = to_concept(segment.organ.snomed)
    description = SegmentDescription(
        segment_number=segment.number,
        segment_label=segment.name,
        segmented_property_category=to_concept(
            ANATOMICAL_STRUCTURE if segment.is_organ else ALTERED_STRUCTURE
        ),
        segmented_property_type=place if segment.is_organ else to_concept(LESION_FINDING),
        algorithm_type=provenance.algorithm_type,
        algorithm_identification=_identify_algorithm(provenance),
        anatomic_regions=None if segment.is_organ else [place],
        tracking_id=None if lesion is None else segment.key,
        tracking_uid=None if lesion is None else uid,
        display_color=CIELabColor.from_rgb(*segment.color),
    )
    if segment.side is not None:
        side = [to_concept(segment.side.modifier)]
        if segment.is_organ:
            what = description.SegmentedPropertyTypeCodeSequence[0]
            what.SegmentedPropertyTypeModifierCodeSequence = side
        else:
            description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = side
    return description


def name_algorithm(provenance: Provenance) -> dict[str, Any]:
    """Name the algorithm as every DICOM result does.

    Args:
        provenance: Who made the result.

    Returns:
        Its "name" and "version", at most 64 characters each.
    """
    return {
        "name": f"{provenance.software} {provenance.model_id}"[:64],
        "version": f"{provenance.version} / {provenance.model_version}"[:64],
    }


def to_concept(code: Code) -> CodedConcept:
    """Turn a code of the organ table into highdicom's."""
    return CodedConcept(code.value, "SCT", code.meaning)


def _identify_algorithm(provenance: Provenance) -> AlgorithmIdentificationSequence:
    return AlgorithmIdentificationSequence(
        **name_algorithm(provenance),
        family=ALGORITHM_FAMILY,
        source=provenance.software,
        parameters={"weights": provenance.weights_sha256, "precision": provenance.precision},
    )
