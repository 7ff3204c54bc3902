"""Key images out: the slice through each lesion, drawn, as DICOM secondary captures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from highdicom.sc import SCImage
from highdicom.sr import CodedConcept
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from ..lesions import Lesion
from ..organs import find_organ
from ..volume import LabelMap, Scan
from .dicom_study import DicomStudy
from .drawing import BACKGROUND, draw_text
from .pictures import draw_slice
from .tables import NOTICE
from .views import PLANES, make_upright

__all__ = ["MAX_KEY_IMAGES", "KeyImages"]

MAX_KEY_IMAGES = 50
"""More than anybody looks at; the largest lesions come first."""

_SERIES_NUMBER = 9702  # beside those of DICOM SEG and report
_WIDTH, _FOOT = 640, 44  # pixels
_LOSSY = (
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
_PLANE_OF_AXIS = {plane.axis: name for name, plane in PLANES.items()}
# Directions of increasing columns and rows (DICOM PS3.3 C.7.6.1.1.1), as `PLANES` lays them out.
_DIRECTIONS = {"axial": ("L", "P"), "coronal": ("L", "F"), "sagittal": ("P", "F")}


class KeyImages:
    """The key images of one result: a series of their own, one image for each lesion."""

    def __init__(self, study: DicomStudy, scan: Scan, labels: LabelMap) -> None:
        """Take over what is drawn.

        Args:
            study: The series that the images refer to, and who made the result.
            scan: HU, (I, J, K).
            labels: Organs and tumors on its grid.
        """
        self._study, self._scan, self._labels = study, scan, labels
        self._plane = _PLANE_OF_AXIS[make_upright(scan.array, scan.grid).axes.index(2)]

    def plan(self, lesions: Sequence[Lesion]) -> dict[str, partial[None]]:
        """Decide which images there will be.

        Args:
            lesions: All that were found.

        Returns:
            Writers by file name, for the largest `MAX_KEY_IMAGES`.
        """
        largest = sorted(lesions, key=lambda one: -one.volume_ml)[:MAX_KEY_IMAGES]
        return {
            f"key_images/{one.organ}_{one.index}.dcm": partial(self.write, lesion=one, number=n)
            for n, one in enumerate(largest, start=1)
        }

    def write(self, path: Path, *, lesion: Lesion, number: int) -> None:
        """Write the image of one lesion, in the plane in which the series was acquired.

        It is marked as derived, and names the image it was drawn from. What is written in it does
        not identify anybody, so burned-in annotation is "NO" as DICOM means it.

        Args:
            path: The .dcm file.
            lesion: The lesion.
            number: Of the image in its series, from 1.

        Raises:
            InputError: If the series cannot be referred to.
        """
        study, name = self._study, f"{lesion.organ} {lesion.index}"
        with study.making("DICOM key image"):
            dataset = SCImage.from_ref_dataset(
                study.images[0],
                pixel_array=np.asarray(self._draw(lesion)),
                photometric_interpretation="RGB",
                bits_allocated=8,
                coordinate_system="PATIENT",
                patient_orientation=_DIRECTIONS[self._plane],
                series_instance_uid=study.new_uid("key images"),
                series_number=_SERIES_NUMBER,
                sop_instance_uid=study.new_uid(f"key image {name}"),
                instance_number=number,
                transfer_syntax_uid=ExplicitVRLittleEndian,
                **study.equipment(),
                series_description=f"{study.provenance.software} key images; {NOTICE.lower()}"[:64],
            )
            dataset.Laterality = ""  # unknown for a series that shows several organs
            dataset.BurnedInAnnotation = "NO"
            dataset.ImageComments = f"{self._describe(lesion)}. {NOTICE}"
            dataset.DerivationDescription = "Drawn slice with outlines of organs and tumors"
            dataset.SourceImageSequence = [self._refer(lesion)]
            for keyword in _LOSSY:
                if keyword in study.images[0]:
                    dataset[keyword] = study.images[0][keyword]
        study.write(path, dataset)

    def _refer(self, lesion: Lesion) -> Dataset:
        """The image, or the frame of it, that lies in the slice through the lesion."""
        images = self._study.images
        k = round(float(self._scan.grid.to_ijk(lesion.point_ras)[2]))
        image = images[min(k, len(images) - 1)]
        item = Dataset()
        item.ReferencedSOPClassUID = image.SOPClassUID
        item.ReferencedSOPInstanceUID = image.SOPInstanceUID
        frames = image.get("PerFrameFunctionalGroupsSequence")
        if frames:
            item.ReferencedFrameNumber = self._find_frame(frames, k)
        item.PurposeOfReferenceCodeSequence = [
            CodedConcept.from_code(codes.DCM.SourceImageForImageProcessingOperation)
        ]
        return item

    def _find_frame(self, frames: Sequence[Dataset], k: int) -> int:
        """Number, from 1, of the frame that is slice k."""
        corner = self._scan.grid.to_ras((0, 0, k)) * (-1, -1, 1)  # LPS, as DICOM has it
        places = [one.PlanePositionSequence[0].ImagePositionPatient for one in frames]
        return 1 + int(np.argmin(np.linalg.norm(np.array(places, float) - corner, axis=1)))

    def _draw(self, lesion: Lesion) -> Image.Image:
        """The slice with a line of text below it."""
        picture = draw_slice(
            self._scan, self._labels, lesion.point_ras, plane=self._plane, width=_WIDTH
        )
        image = Image.new("RGB", (picture.width, picture.height + _FOOT), BACKGROUND)
        image.paste(picture, (0, 0))
        draw_text(image, self._describe(lesion), (10, picture.height + 14))
        draw_text(image, NOTICE, (10, picture.height + 32), size=12)
        return image

    def _describe(self, lesion: Lesion) -> str:
        score = "" if math.isnan(lesion.score) else f", score {lesion.score:.2f}"
        organ = find_organ(lesion.organ).name
        side = f" ({lesion.side})" if lesion.side else ""
        sizes = f"{lesion.diameter_mm:.0f} mm, {lesion.volume_ml:.1f} mL"
        return f"{organ} tumor {lesion.index}{side}: {sizes}{score}"
