"""A patient who does not exist, written into every place of a DICOM file that can hold one."""

from __future__ import annotations

from pathlib import Path

from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from atlastumor.deidentify.profile import Action, find_action

SURNAME, GIVEN, NUMBER = "Zwetschgenbaum", "Kunigunde", "PAT-4711-0815"
DAY, BIRTH, CLOCK = "20231117", "19531212", "093817"
SECRETS = (SURNAME, GIVEN, NUMBER, DAY, BIRTH, CLOCK, "Sankt Elmsfeuer", "1.2.999")
"""What must not be found afterwards; UIDs of the patient's study all begin with the last."""

_PATIENT_TEXT = f"seen by {SURNAME}"
_BY_VR = {
    "AE": "ELMSFEUER",
    "AS": "070Y",
    "CS": "ZWETSCHGENBAUM",
    "DA": DAY,
    "DT": f"{DAY}{CLOCK}",
    "LO": _PATIENT_TEXT,
    "LT": _PATIENT_TEXT,
    "PN": f"{SURNAME}^{GIVEN}",
    "SH": NUMBER,
    "ST": _PATIENT_TEXT,
    "TM": CLOCK,
    "UC": _PATIENT_TEXT,
    "UI": "1.2.999.77.5",
    "UR": f"http://{SURNAME}.example",
    "UT": _PATIENT_TEXT,
}


def fill_all(dataset: Dataset) -> None:
    """Write the patient into every attribute that the profile treats and every free text."""
    for tag, (vr, multiplicity, _, retired, keyword) in DicomDictionary.items():
        is_treated = find_action(tag, is_sequence=vr == "SQ") is not Action.KEEP
        is_text = vr in ("LO", "LT", "SH", "ST", "UC", "UT") and multiplicity in ("1", "1-n")
        if keyword in dataset or retired or tag >> 16 < 0x0008 or vr not in _BY_VR:
            continue
        if (is_treated or is_text) and keyword:
            value = SURNAME if is_text and not is_treated else _BY_VR[vr]
            dataset.add_new(tag, vr, value)


def a_patient(dataset: Dataset, k: int) -> None:
    """Change an image of a CT series to be the patient's, in every place there is."""
    dataset.PatientName, dataset.PatientID = f"{SURNAME}^{GIVEN}", NUMBER
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientAge = BIRTH, "F", "070Y"
    dataset.StudyDate, dataset.StudyTime = DAY, CLOCK
    dataset.InstitutionName = "Sankt Elmsfeuer"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.999.1", "1.2.999.1.2"
    dataset.FrameOfReferenceUID, dataset.SOPInstanceUID = "1.2.999.1.3", f"1.2.999.1.2.{k + 1}"
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
    dataset.file_meta.SourceApplicationEntityTitle = "ELMSFEUER"
    dataset.SeriesDescription = f"Abdomen venous 5.0 B30f {SURNAME}"
    fill_all(dataset)
    nested = Dataset()
    fill_all(nested)
    deeper = Dataset()
    deeper.PurposeOfReferenceCodeSequence = Sequence([nested])
    for keyword in ("ReferencedImageSequence", "CTAdditionalXRaySourceSequence"):
        setattr(dataset, keyword, Sequence([nested, deeper]))
    block = dataset.private_block(0x0029, SURNAME.upper(), create=True)
    block.add_new(0x10, "LO", _PATIENT_TEXT)
    dataset.add_new(0x00189FFE, "LO", _PATIENT_TEXT)  # public group, in no dictionary
    dataset.add_new(0x60000010, "US", 8)
    dataset.add_new(0x60004000, "LT", _PATIENT_TEXT)


def name_before_the_header(path: Path) -> None:
    """Write the name into the 128 bytes that stand before everything."""
    data = path.read_bytes()
    path.write_bytes(SURNAME.encode().ljust(128, b"\0") + data[128:])
