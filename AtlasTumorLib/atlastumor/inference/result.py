"""What a segmentation run returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..lesions import Lesion
from ..provenance import Provenance
from ..volume import LabelMap, Source
from .findings import Finding
from .probability import AbstractTumorMap, ProbabilityMap

__all__ = ["Finding", "ProbabilityMap", "Segmentation"]


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Organs and tumors of one scan.

    Args:
        labels: On the scan's own grid; AbdomenAtlas 2.0 numbers.
        lesions: Each connected tumor: by organ in table order, then the largest first.
        findings: One per organ asked for, also where nothing was found.
        probabilities: Tumor probability by organ key, if asked for; else empty.
        provenance: Who made this, how, from what.
        scan_source: Where the scan came from.
        disagreement: Where asked for, how far those who tell about an organ's tumors differ: the
            standard deviation of their probabilities, by organ key.
    """

    labels: LabelMap
    lesions: tuple[Lesion, ...]
    findings: tuple[Finding, ...]
    probabilities: Mapping[str, AbstractTumorMap]
    provenance: Provenance
    scan_source: Source
    disagreement: Mapping[str, AbstractTumorMap] = field(default_factory=dict)
