"""What comes out when a tumor was grown in a scan."""

from __future__ import annotations

from dataclasses import dataclass

from ..components import Box
from ..lesions import Lesion
from ..volume import LabelMap, Scan, Source
from .request import TumorRequest

__all__ = ["SYNTHETIC_NOTE", "SynthesisResult"]

SYNTHETIC_NOTE = "SYNTHETIC: this scan holds a tumor that no patient had."
"""First note of every synthetic scan's source."""


@dataclass(frozen=True, eq=False)
class SynthesisResult:
    """A scan with a synthetic tumor.

    Args:
        scan: The scan, of the original's type; its source says that it is synthetic and names no
            DICOM files, as none of them looks like this.
        labels: The label map with the tumor in it.
        lesion: The tumor's measures, its box in the scan; its score is NaN.
        request: What was asked for.
        diameter_mm: Diameter of the ball of equal volume that came out, mm.
        contrast_hu: Mean density of the tumor, border included, minus the organ's median, HU.
        center_ras: The voxel center from which the tumor grew, RAS mm.
        off_center_mm: How far the tumor's centroid lies from the place asked for, or else from that
            center, mm.
        outgrowth_mm: How far beyond the organ's surface it could grow, mm.
        outside_share: Part of it that lies outside the organ, in [0, 1].
        box: Voxels of the scan outside it are the original's in scan and labels.
        margin_mm: HU farther than this from the tumor are the original's, bit for bit.
        original: Where the original scan came from.
        notes: What the user should know, one sentence each.
    """

    scan: Scan
    labels: LabelMap
    lesion: Lesion
    request: TumorRequest
    diameter_mm: float
    contrast_hu: float
    center_ras: tuple[float, float, float]
    off_center_mm: float
    outgrowth_mm: float
    outside_share: float
    box: Box
    margin_mm: float
    original: Source
    notes: tuple[str, ...] = ()
