"""Which attribute is treated how: the Basic Application Level Confidentiality Profile.

Table E.1-1 of DICOM PS3.15 is taken from the package dicom-anonymizer, which scrapes it from the
standard's edition 2026c. Its engine is not used: it does not look into sequences, and its
replacements are random.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any

from pydicom.datadict import tag_for_keyword

from ..errors import DependencyError

__all__ = ["DESCRIPTORS", "DEVICE", "OWN_TEXTS", "Action", "find_action"]


class Action(Enum):
    """What happens to an attribute."""

    KEEP = "K"
    REMOVE = "X"
    EMPTY = "Z"
    REPLACE = "D"
    MAP_UID = "U"


_LISTS = {
    "D_TAGS": "D",
    "Z_TAGS": "Z",
    "X_TAGS": "X",
    "U_TAGS": "U",
    "Z_D_TAGS": "Z/D",
    "X_Z_TAGS": "X/Z",
    "X_D_TAGS": "X/D",
    "X_Z_D_TAGS": "X/Z/D",
    "X_Z_U_STAR_TAGS": "X/Z/U*",
}
_CHOICES = {
    # Where the standard leaves a choice to the attribute's type, the answer that suits every type.
    "D": (Action.REPLACE, Action.REMOVE),
    "Z": (Action.EMPTY, Action.EMPTY),
    "X": (Action.REMOVE, Action.REMOVE),
    "U": (Action.MAP_UID, Action.REMOVE),
    "Z/D": (Action.REPLACE, Action.EMPTY),
    "X/Z": (Action.EMPTY, Action.EMPTY),
    "X/D": (Action.REPLACE, Action.REMOVE),
    "X/Z/D": (Action.REPLACE, Action.EMPTY),
    "X/Z/U*": (Action.KEEP, Action.KEEP),  # kept with the UIDs in it mapped: the references
}
"""What to do with a value, and with a sequence."""

_CONTENT = 0x0040A730
"""Content Sequence: kept and cleaned item by item (Clean Structured Content Option)."""

_CURVES, _OVERLAYS = 0x5000, 0x6000
_ENCRYPTED = 0x04000500


def _tags(*keywords: str) -> frozenset[int]:
    return frozenset(tag for tag in map(tag_for_keyword, keywords) if tag is not None)


DESCRIPTORS = _tags(
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "RequestedProcedureDescription",
    "PerformedProcedureStepDescription",
    "AcquisitionProtocolDescription",
    "DerivationDescription",
    "ImageComments",
)
"""Attributes of the Clean Descriptors Option that tell how a scan was made."""

OWN_TEXTS = _tags("SeriesDescription", "ImageComments", "DerivationDescription")
"""Attributes that our results have from us and not from their study."""

DEVICE = _tags(
    "StationName",
    "DeviceSerialNumber",
    "DeviceUID",
    "GantryID",
    "GeneratorID",
    "DetectorID",
    "XRaySourceID",
    "XRayDetectorID",
    "XRayDetectorLabel",
    "PerformedStationName",
    "PerformedStationAETitle",
    "StationAETitle",
    "SecondaryCaptureDeviceID",
    "AcquisitionDeviceProcessingDescription",
)
"""Attributes of the Retain Device Identity Option that CT and results have."""


def find_action(tag: int, *, is_sequence: bool) -> Action:
    """Find what happens to an attribute.

    Args:
        tag: Of a public attribute, group and element.
        is_sequence: Whether it is a sequence.

    Returns:
        The action. A sequence that is kept is looked into.
    """
    group = tag >> 16 & 0xFF00
    if group in (_CURVES, _OVERLAYS) or tag == _ENCRYPTED:
        return Action.REMOVE
    if tag == _CONTENT:
        return Action.KEEP
    code = _read_table().get(tag)
    return Action.KEEP if code is None else _CHOICES[code][int(is_sequence)]


@cache
def _read_table() -> Mapping[int, str]:
    """Code of each attribute; ranges of groups are `find_action`'s."""
    name = "dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c"
    try:
        table: Any = importlib.import_module(name)
    except ModuleNotFoundError as error:
        msg = (
            "De-identification needs the package dicom-anonymizer. Install it with: "
            "pip install 'atlastumor[hospital]'"
        )
        raise DependencyError(msg) from error
    return {
        tag[0] << 16 | tag[1]: code
        for attribute, code in _LISTS.items()
        for tag in getattr(table, attribute)
        if len(tag) == 2
    }
