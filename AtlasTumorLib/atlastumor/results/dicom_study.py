"""The study that a DICOM result goes back to, and what all DICOM results of it have in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.tag import BaseTag
from pydicom.uid import UID, generate_uid
from pydicom.valuerep import DSfloat

from ..errors import InputError
from ..provenance import Provenance
from ..scans.dicom_headers import lenient_pydicom
from ..volume import Grid, Source
from .compressed import slice_ranges
from .segments import NumberedSegments

__all__ = ["DicomStudy", "check_dicom_source"]

_IDENTIFIERS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
_TYPE_2 = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)
# General Study and Patient Study (DICOM PS3.3 C.7.2.1 and C.7.2.2) as far as they lie outside the
# groups of the patient and of clinical trials, which are carried over as a whole.
_STUDY = {
    tag_for_keyword(keyword)
    for keyword in (
        "SpecificCharacterSet",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "IssuerOfAccessionNumberSequence",
        "ReferringPhysicianName",
        "ReferringPhysicianIdentificationSequence",
        "ConsultingPhysicianName",
        "ConsultingPhysicianIdentificationSequence",
        "StudyDescription",
        "ProcedureCodeSequence",
        "PhysiciansOfRecord",
        "PhysiciansOfRecordIdentificationSequence",
        "NameOfPhysiciansReadingStudy",
        "PhysiciansReadingStudyIdentificationSequence",
        "AdmittingDiagnosesDescription",
        "AdmittingDiagnosesCodeSequence",
        "ReferencedStudySequence",
        "StudyID",
        "RequestingService",
        "ReasonForVisit",
        "AdmissionID",
    )
}
_PATIENT, _TRIAL = 0x0010, 0x0012
_TRIAL_SERIES = {0x00120060, 0x00120071, 0x00120072}


def check_dicom_source(source: Source) -> None:
    """Make sure that a scan came from DICOM and that results can refer to its images.

    Args:
        source: Where the scan came from.

    Raises:
        InputError: If it came from elsewhere, is gone, or its images do not say which they are.
    """
    if source.kind != "dicom" or not source.dicom_files:
        msg = (
            f"A DICOM result needs a DICOM series as input; this scan is {source.kind}. "
            "Choose nifti or seg.nrrd."
        )
        raise InputError(msg)
    with _speaking_of("DICOM result"), lenient_pydicom():
        header = pydicom.dcmread(
            source.dicom_files[0],
            stop_before_pixels=True,
            force=True,
            specific_tags=[*_IDENTIFIERS],
        )
        missing = [keyword for keyword in _IDENTIFIERS if not header.get(keyword)]
    if missing:
        msg = (
            f"No DICOM result can be made for this series: its images lack {', '.join(missing)}. "
            "Choose nifti or seg.nrrd."
        )
        raise InputError(msg)


@contextmanager
def _speaking_of(what: str) -> Iterator[None]:
    """Turn what foreign headers make the libraries raise into a sentence."""
    try:
        yield
    except InputError:
        raise
    except (ValueError, TypeError, AttributeError, KeyError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        msg = f"No {what} can be made for this series ({reason}). Choose nifti or seg.nrrd."
        raise InputError(msg) from error


class DicomStudy:
    """What the DICOM results of one segmentation share.

    UIDs follow from the images, the settings and the segments, so that equal results are equal
    files; they refer to each other by them, whichever of them are written. Images and frames are
    read once, when they are first needed.
    """

    def __init__(self, source: Source, numbered: NumberedSegments, provenance: Provenance) -> None:
        """Take over what results are made of.

        Args:
            source: The DICOM series that was segmented.
            numbered: Its segments.
            provenance: Who outlined them.

        Raises:
            InputError: If the scan is not from DICOM.
        """
        check_dicom_source(source)
        self.source, self.numbered, self.provenance = source, numbered, provenance

    @property
    def grid(self) -> Grid:
        """The grid of scan and segments."""
        return self.numbered.labels.grid

    @cached_property
    def images(self) -> list[Dataset]:
        """Headers of the series in slice order, patient and study left blank in the first.

        `finish` puts these back as they were: highdicom would decode and check them, and refuse
        what a hospital's archive has long accepted.
        """
        images = [_read_header(file, self.grid) for file in self.source.dicom_files]
        for tag in [tag for tag in images[0].keys() if _is_of_study(tag)]:  # noqa: SIM118
            del images[0][tag]
        for keyword in _TYPE_2:
            setattr(images[0], keyword, "")
        return images

    @cached_property
    def frames(self) -> npt.NDArray[Any]:
        """Segment numbers (K, J, I): frames, rows, columns."""
        i, j, k = self.grid.shape
        frames = np.zeros((k, j, i), self.numbered.table.dtype)
        for first, stop in slice_ranges(k):
            frames[first:stop] = self.numbered.paint(first, stop).transpose(2, 1, 0)
        return frames

    @cached_property
    def _content(self) -> tuple[str, ...]:
        record = json.dumps(self.provenance.to_repeatable_dict(), sort_keys=True)
        pixels = hashlib.sha256(self.frames.data).hexdigest()
        return str(self.images[0].SOPInstanceUID), record, pixels

    def new_uid(self, name: str) -> UID:
        """Make a UID that differs by name and by everything that the result depends on."""
        return generate_uid(entropy_srcs=[*self._content, name])

    def equipment(self) -> dict[str, Any]:
        """Say who makes a result, in highdicom's arguments."""
        one = self.provenance
        return {
            "manufacturer": one.software,
            "manufacturer_model_name": one.model_id[:64],
            "software_versions": one.version,
            "device_serial_number": one.weights_sha256[:16] or "none",
        }

    def write(self, path: Path, dataset: Dataset) -> None:
        """Finish a result and write it.

        Dates are the record's, not of this moment; patient and study are byte for byte those of
        the first image, whatever its character set.

        Args:
            path: The .dcm file.
            dataset: The result as highdicom made it.
        """
        _set_time(dataset, self.provenance.created)
        with _speaking_of("DICOM result"), lenient_pydicom():
            header = pydicom.dcmread(
                self.source.dicom_files[0], stop_before_pixels=True, force=True
            )
            for tag in header.keys():  # noqa: SIM118 - iterating itself would decode the values
                if _is_of_study(tag):
                    dataset[tag] = _keep_raw(header, tag)
            _let_bytes_through(dataset)
        with lenient_pydicom():
            dataset.save_as(path)

    @contextmanager
    def making(self, what: str) -> Iterator[None]:
        """Turn what goes wrong while a result is made into an `InputError` that names it."""
        with _speaking_of(what), lenient_pydicom():
            yield


def _is_of_study(tag: BaseTag) -> bool:
    """Whether an element tells of patient or study, so that results have it too."""
    if tag.group in (_PATIENT, _TRIAL):
        return tag.element != 0 and tag not in _TRIAL_SERIES
    return tag in _STUDY


def _keep_raw(header: Dataset, tag: BaseTag) -> Any:
    """An element whose text is still bytes; sequences are decoded, as their encoding may differ."""
    element = header.get_item(tag)
    if isinstance(element, RawDataElement):
        vr = element.VR or dictionary_VR(tag)
        if vr not in ("SQ", "UN"):
            return element._replace(VR=vr)
    return header[tag]


def _let_bytes_through(dataset: Dataset) -> None:
    """Tell pydicom that what is still bytes is in the encoding of the file to be written.

    It would otherwise decode all of it and encode it again, which changes a name whose character
    set is not the one that was declared.
    """
    correct_ambiguous_vr(dataset, is_little_endian=True)  # left out where nothing is decoded
    charset = dataset.get("SpecificCharacterSet")
    dataset.set_original_encoding(
        is_implicit_vr=False,
        is_little_endian=True,
        character_encoding=convert_encodings(charset) if charset else None,
    )


def _read_header(file: Path, grid: Grid) -> Dataset:
    """Header of an image, with the slice thickness that some leave out and highdicom wants."""
    image = pydicom.dcmread(file, stop_before_pixels=True, force=True)
    shared = image.get("SharedFunctionalGroupsSequence")
    holder = shared[0].PixelMeasuresSequence[0] if shared else image
    if holder.get("SliceThickness") is None:
        holder.SliceThickness = DSfloat(grid.spacing_mm[2], auto_format=True)
    return image


def _set_time(dataset: Dataset, created: str) -> None:
    """Date what was made now by the record."""
    moment = datetime.fromisoformat(created)
    day, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
    for name in ("ContentDate", "SeriesDate", "InstanceCreationDate"):
        setattr(dataset, name, day)
    for name in ("ContentTime", "SeriesTime", "InstanceCreationTime"):
        setattr(dataset, name, time)
    if "DateOfSecondaryCapture" in dataset:
        dataset.DateOfSecondaryCapture, dataset.TimeOfSecondaryCapture = day, time
    for equipment in dataset.get("ContributingEquipmentSequence", ())[-1:]:  # highdicom; not the CT
        equipment.ContributionDateTime = day + time
