"""The profile's table, spot-checked against DICOM PS3.15 Table E.1-1."""

from __future__ import annotations

import sys

import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword

from atlastumor.deidentify import profile
from atlastumor.deidentify.profile import DESCRIPTORS, DEVICE, Action, find_action
from atlastumor.errors import DependencyError

KEPT, REMOVED, EMPTIED = Action.KEEP, Action.REMOVE, Action.EMPTY
REPLACED, MAPPED = Action.REPLACE, Action.MAP_UID


@pytest.mark.parametrize(
    ("keyword", "action"),
    [
        ("PatientName", EMPTIED),
        ("PatientBirthDate", EMPTIED),
        ("PatientAge", REMOVED),
        ("StudyDate", EMPTIED),
        ("ContentDate", REPLACED),
        ("AcquisitionDateTime", REPLACED),
        ("SeriesDescription", REMOVED),
        ("DeviceSerialNumber", REPLACED),
        ("StudyInstanceUID", MAPPED),
        ("FrameOfReferenceUID", MAPPED),
        ("ReferencedSOPInstanceUID", MAPPED),
        ("RequestAttributesSequence", REMOVED),
        ("ReferencedPerformedProcedureStepSequence", EMPTIED),
        ("SourceImageSequence", KEPT),
        ("ContentSequence", KEPT),
        ("EncryptedAttributesSequence", REMOVED),
        ("DigitalSignaturesSequence", REMOVED),
        ("OverlayData", REMOVED),
        ("Rows", KEPT),
        ("Modality", KEPT),
        ("ImagePositionPatient", KEPT),
    ],
)
def test_attributes_are_treated_as_the_standard_says(keyword, action):
    tag = tag_for_keyword(keyword)
    tag = 0x60003000 if tag is None else tag  # of repeating groups the first

    assert find_action(tag, is_sequence=dictionary_VR(tag) == "SQ") is action


def test_options_speak_of_attributes_that_the_profile_treats():
    for tag in DESCRIPTORS | DEVICE:
        assert find_action(tag, is_sequence=False) is not KEPT, hex(tag)


def test_without_the_table_nothing_is_de_identified(monkeypatch):
    profile._read_table.cache_clear()
    for name in [name for name in sys.modules if name.startswith("dicomanonymizer")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dicomanonymizer", None)

    with pytest.raises(DependencyError, match=r"atlastumor\[hospital\]"):
        find_action(0x00100010, is_sequence=False)

    profile._read_table.cache_clear()
