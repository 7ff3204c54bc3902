"""One DICOM dataset without its patient."""

from __future__ import annotations

from typing import Any

from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID

from .. import __version__
from .options import DeidentifyOptions
from .profile import DESCRIPTORS, DEVICE, OWN_TEXTS, Action, find_action
from .pseudonyms import Pseudonyms
from .residue import find_names, remove_names
from .values import make_dummy, shift_date
from .words import clean_text

__all__ = ["SOFTWARE", "Deidentifier", "is_result"]

SOFTWARE = "AtlasTumor"
_RESULTS = (
    "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation
    "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR
    "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture
)

_DATES, _TIMES = ("DA", "DT"), ("TM",)
_PATIENT_GROUP = 0x0010


def is_result(dataset: Dataset) -> bool:
    """Tell whether a file is a result of this software, whose own texts name nobody."""
    is_kind = str(dataset.get("SOPClassUID") or "") in _RESULTS
    return is_kind and str(dataset.get("Manufacturer") or "") == SOFTWARE


class Deidentifier:
    """Takes the patient out of datasets, by one key and one set of options."""

    def __init__(self, options: DeidentifyOptions) -> None:
        """Read the key.

        Args:
            options: What is kept.

        Raises:
            InputError: If the key cannot be used.
        """
        self._options = options
        self._pseudonyms = Pseudonyms(options.read_key())

    def new_uid(self, uid: str) -> str:
        """Give the UID that takes a UID's place."""
        return self._pseudonyms.uid(uid)

    def apply(self, dataset: Dataset) -> int:
        """De-identify a dataset in place, its file meta information too.

        Pixels are left as they are.

        Args:
            dataset: Of a file, all of it.

        Returns:
            In how many texts that the profile keeps a name was found, and replaced.
        """
        names = find_names(dataset)
        person = _tell_apart(dataset)
        is_ours = is_result(dataset)
        _Pass(self._options, self._pseudonyms, person, is_ours=is_ours).clean(dataset)
        n_replaced = remove_names(dataset, names)
        pseudonym = self._pseudonyms.patient(person)
        dataset.PatientName = dataset.PatientID = pseudonym
        dataset.SpecificCharacterSet = "ISO_IR 192"
        self._mark(dataset)
        _renew_meta(dataset)
        return n_replaced

    def _mark(self, dataset: Dataset) -> None:
        """Say what was done (PS3.15 E.1.1 and E.3), alike in all files of a patient."""
        options = self._options
        done = [
            codes.DCM.BasicApplicationConfidentialityProfile,
            codes.DCM.CleanStructuredContentOption,
        ]
        if options.clean_descriptors:
            done.append(codes.DCM.CleanDescriptorsOption)
        if options.retain_dates:
            done.append(codes.DCM.RetainLongitudinalTemporalInformationModifiedDatesOption)
        if options.retain_device:
            done.append(codes.DCM.RetainDeviceIdentityOption)
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = f"{SOFTWARE} {__version__}, DICOM PS3.15 Annex E"
        dataset.DeidentificationMethodCodeSequence = Sequence([_to_item(code) for code in done])
        dataset.LongitudinalTemporalInformationModified = (
            "MODIFIED" if options.retain_dates else "REMOVED"
        )
        dataset.BurnedInAnnotation = dataset.get("BurnedInAnnotation", "NO")
        if "PixelData" not in dataset:
            del dataset.BurnedInAnnotation


class _Pass:
    """One walk through a dataset and its sequences."""

    def __init__(
        self, options: DeidentifyOptions, pseudonyms: Pseudonyms, person: str, *, is_ours: bool
    ) -> None:
        self._options, self._pseudonyms = options, pseudonyms
        self._days = pseudonyms.shift_days(person)
        self._is_ours = is_ours

    def clean(self, dataset: Dataset) -> None:
        """Treat every element by the profile, in place; UIDs also where it does not list them."""
        for element in [dataset[tag] for tag in sorted(dataset.keys())]:
            if element.tag.is_private or not dictionary_has_tag(element.tag) or element.VR == "UN":
                del dataset[element.tag]
                continue
            action = Action.MAP_UID if element.VR == "UI" else self._choose(element)
            if action is Action.REMOVE:
                del dataset[element.tag]
            elif element.VR == "SQ" and action is Action.KEEP:
                for item in element.value:
                    self.clean(item)
            elif action is not Action.KEEP:
                element.value = self._replace(element, action)

    def _choose(self, element: DataElement) -> Action:
        """The profile's action, unless an option says otherwise."""
        action = find_action(element.tag, is_sequence=element.VR == "SQ")
        if action is Action.KEEP:
            return action
        if self._options.retain_device and element.tag in DEVICE:
            return Action.KEEP
        if self._is_ours and element.tag in OWN_TEXTS:
            return Action.KEEP
        if self._options.clean_descriptors and element.tag in DESCRIPTORS:
            element.value = clean_text(str(element.value))
            return Action.KEEP if element.value else Action.REMOVE
        if self._keeps_time(element):
            element.value = self._shift(element)
            return Action.KEEP
        return action

    def _keeps_time(self, element: DataElement) -> bool:
        is_time = element.VR in (*_DATES, *_TIMES)
        return is_time and self._options.retain_dates and element.tag.group != _PATIENT_GROUP

    def _shift(self, element: DataElement) -> Any:
        if element.VR in _TIMES or not element.value:
            return element.value
        values = [element.value] if element.VM == 1 else list(element.value)
        moved = [shift_date(str(value), self._days) for value in values]
        return moved[0] if len(moved) == 1 else moved

    def _replace(self, element: DataElement, action: Action) -> Any:
        if action is Action.MAP_UID:
            uids = [element.value] if element.VM <= 1 else list(element.value)
            mapped = [self._pseudonyms.uid(str(uid or "")) for uid in uids]
            return mapped[0] if len(mapped) == 1 else mapped
        if action is Action.REPLACE:
            return make_dummy(element.VR)
        return [] if element.VR == "SQ" else None


def _tell_apart(dataset: Dataset) -> str:
    """What tells this patient from others: the ID and who gave it, or else the study."""
    given = [str(dataset.get(key) or "") for key in ("PatientID", "IssuerOfPatientID")]
    return "\0".join(given) if given[0] else str(dataset.get("StudyInstanceUID") or "")


def _to_item(code: Any) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def _renew_meta(dataset: Dataset) -> None:
    """Write anew what stands before the dataset: it may name stations or hold private bytes."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
