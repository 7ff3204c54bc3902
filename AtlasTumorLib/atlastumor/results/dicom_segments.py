"""What each segment of a DICOM SEG says about itself."""

from __future__ import annotations

from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.uid import UID

from ..organs import LESION_FINDING, Code
from ..provenance import Provenance
from .segments import Segment
from .terminology import ALTERED_STRUCTURE, ANATOMICAL_STRUCTURE

__all__ = ["describe_segment"]

_FAMILY = CodedConcept("123109", "DCM", "Artificial Intelligence")


def describe_segment(segment: Segment, provenance: Provenance, uid: UID) -> SegmentDescription:
    """Describe a segment: an organ with its side, or a mass in the region of an organ.

    Args:
        segment: The organ or lesion.
        provenance: Who outlined it.
        uid: Tracking UID for a lesion.

    Returns:
        An item of the segment sequence.
    """
    lesion = segment.lesion
    place = _to_concept(segment.organ.snomed)
    description = SegmentDescription(
        segment_number=segment.number,
        segment_label=segment.name,
        segmented_property_category=_to_concept(
            ANATOMICAL_STRUCTURE if lesion is None else ALTERED_STRUCTURE
        ),
        segmented_property_type=place if lesion is None else _to_concept(LESION_FINDING),
        algorithm_type=provenance.algorithm_type,
        algorithm_identification=_identify_algorithm(provenance),
        anatomic_regions=None if lesion is None else [place],
        tracking_id=None if lesion is None else segment.key,
        tracking_uid=None if lesion is None else uid,
        display_color=CIELabColor.from_rgb(*segment.color),
    )
    if segment.side is not None:
        side = [_to_concept(segment.side.modifier)]
        if lesion is None:
            what = description.SegmentedPropertyTypeCodeSequence[0]
            what.SegmentedPropertyTypeModifierCodeSequence = side
        else:
            description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = side
    return description


def _identify_algorithm(provenance: Provenance) -> AlgorithmIdentificationSequence:
    return AlgorithmIdentificationSequence(
        name=f"{provenance.software} {provenance.model_id}"[:64],
        family=_FAMILY,
        version=f"{provenance.version} / {provenance.model_version}"[:64],
        source=provenance.software,
        parameters={"weights": provenance.weights_sha256, "precision": provenance.precision},
    )


def _to_concept(code: Code) -> CodedConcept:
    return CodedConcept(code.value, "SCT", code.meaning)
