"""What each segment is called, looks like and means, from the organ table alone."""

from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

from atlastumor.organs import LESION_FINDING, Code, Organ, Side, find_organ

from .Results import LesionRow

__all__ = ["SegmentStyle", "lesionStyle", "organStyle"]

_TYPES = "Segmentation category and type - 3D Slicer General Anatomy list"
_REGIONS = "Anatomic codes - DICOM master list"
_SCHEME = "SCT"
_ANATOMY = Code("123037004", "Anatomical Structure")
_MORPHOLOGY = Code("49755003", "Morphologically Altered Structure")
_NOTHING = Code("", "")


@dataclass(frozen=True)
class SegmentStyle:
    """How a segment presents itself.

    Args:
        baseId: Segment id to use where it is free.
        name: Shown to people.
        color: RGB in [0, 1].
        terminology: Slicer's serialized terminology entry.
        fillOpacity: Of the fill in slice views, in [0, 1]: organs let the scan shine through.
    """

    baseId: str
    name: str
    color: tuple[float, float, float]
    terminology: str
    fillOpacity: float


def organStyle(organ: Organ, side: Side | None) -> SegmentStyle:
    """Describe the segment of an organ, or of one half of a paired organ."""
    return SegmentStyle(
        baseId=f"AtlasTumor_{organ.key}" + (f"_{side.key}" if side else ""),
        name=_(side.snomed.meaning if side else organ.name),
        color=_scaled(organ.color),
        terminology=_entry(_ANATOMY, organ.snomed, typeModifier=side.modifier if side else None),
        fillOpacity=0.15,
    )


def lesionStyle(lesion: LesionRow) -> SegmentStyle:
    """Describe the segment of one lesion, such as "Liver tumor 1"."""
    organ = find_organ(lesion.organ)
    side = next((side for side in organ.sides if side.key == lesion.side), None)
    return SegmentStyle(
        baseId=f"AtlasTumor_{organ.key}_tumor_{lesion.index}",
        name=_("{organ} tumor {number}").format(organ=_(organ.name), number=lesion.index),
        color=_scaled(organ.tumor_color),
        terminology=_entry(
            _MORPHOLOGY,
            LESION_FINDING,
            region=organ.snomed,
            regionModifier=side.modifier if side else None,
        ),
        fillOpacity=0.5,
    )


def _scaled(color: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = (value / 255 for value in color)
    return red, green, blue


def _entry(
    category: Code,
    kind: Code,
    *,
    typeModifier: Code | None = None,
    region: Code | None = None,
    regionModifier: Code | None = None,
) -> str:
    """Serialize an entry; codes left out become empty, and without a scheme."""
    codes = [
        (code.value, _SCHEME if code.value else "", code.meaning)
        for code in (c or _NOTHING for c in (category, kind, typeModifier, region, regionModifier))
    ]
    words = [word for code in codes[:3] for word in code]
    regionWords = [word for code in codes[3:] for word in code]
    return slicer.vtkSlicerTerminologiesModuleLogic.SerializeTerminologyEntry(
        _TYPES, *words, _REGIONS if region else "", *regionWords
    )
