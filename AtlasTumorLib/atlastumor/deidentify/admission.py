"""Which files may leave: those of which it is known where they can name a patient."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from ..errors import InputError
from ..scans.input_files import name_of
from .dataset import SOFTWARE, is_result

__all__ = ["admit"]

_CT = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.2.2",
)
_NEEDED = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
_HEAD = ("HEAD", "FACE", "SKULL", "BRAIN", "NECK", "WHOLEBODY", "WHOLE BODY", "JAW", "SINUS")
_TEXT_PAGES = ("SCREEN SAVE", "SCREENSAVE", "PATIENT PROTOCOL", "DOSE REPORT", "DOSE_INFO")
_PLACES = ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName")


def admit(dataset: Dataset, path: Path) -> str:
    """Refuse a file in which names may be where nobody looks for them.

    Args:
        dataset: The file as it came.
        path: For the message.

    Returns:
        A sentence for the user; empty if there is nothing to say.

    Raises:
        InputError: If it is not CT and not a result of this software, may have a name written into
            its pixels (it says so, or is no slice), or lacks what references need.
    """
    name = name_of(path)
    kind = str(dataset.get("SOPClassUID") or "")
    is_ours = is_result(dataset)
    if kind not in _CT and not is_ours:
        what = dataset.SOPClassUID.name if kind else "of no known kind"
        msg = (
            f"{name} is not de-identified: it is {what}. Only CT images and the DICOM results of "
            f"{SOFTWARE} are; others may name the patient in text or pixels."
        )
        raise InputError(msg)
    if str(dataset.get("BurnedInAnnotation") or "").upper() == "YES":
        msg = f"{name} has text burned into its pixels, which may name the patient. Leave it out."
        raise InputError(msg)
    if not is_ours and _shows_text(dataset):
        msg = f"{name} is a picture of text or a screen, which may name the patient. Leave it out."
        raise InputError(msg)
    missing = [keyword for keyword in _NEEDED if not dataset.get(keyword)]
    if missing:
        msg = f"{name} lacks {', '.join(missing)}. Export it again."
        raise InputError(msg)
    return "" if is_ours else _warn_of_faces(dataset)


def _shows_text(dataset: Dataset) -> bool:
    """Whether a CT image is no slice: protocols, dose reports and screens are stored as CT too."""
    told = " ".join(str(dataset.get(k) or "") for k in ("ImageType", *_PLACES)).upper()
    is_color = str(dataset.get("PhotometricInterpretation") or "MONOCHROME2")[:10] != "MONOCHROME"
    is_nowhere = dataset.SOPClassUID == _CT[0] and not dataset.get("ImagePositionPatient")
    return is_color or is_nowhere or any(word in told for word in _TEXT_PAGES)


def _warn_of_faces(dataset: Dataset) -> str:
    text = " ".join(str(dataset.get(keyword) or "") for keyword in _PLACES).upper()
    marked = str(dataset.get("RecognizableVisualFeatures") or "").upper() == "YES"
    if marked or any(word in text for word in _HEAD):
        return (
            "The head seems to be in view: a face can be drawn from such a scan. Pixels are not "
            "changed; crop the scan before it leaves."
        )
    return ""
