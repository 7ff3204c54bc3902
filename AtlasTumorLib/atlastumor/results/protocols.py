"""What writing a result needs of it: the shape of a segmentation, without the engine's imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..lesions import Lesion
from ..provenance import Provenance
from ..volume import Grid, LabelMap

__all__ = ["FindingLike", "ProbabilityLike", "SegmentationLike"]


class FindingLike(Protocol):
    """What was found in one organ."""

    @property
    def organ(self) -> str:
        """The organ's key."""

    @property
    def coverage(self) -> str:
        """How much of the organ is in view: "whole", "partial" or "none"."""

    @property
    def organ_ml(self) -> float:
        """Volume of the organ in view, mL."""

    @property
    def n_lesions(self) -> int:
        """How many tumors it holds."""

    @property
    def tumor_ml(self) -> float:
        """Their volume together, mL."""

    @property
    def highest_score(self) -> float:
        """Highest tumor probability in it, in [0, 1]; NaN if it is not in view."""

    @property
    def threshold(self) -> float | None:
        """Probability from which a voxel is tumor; None where arg-max decides."""

    @property
    def message(self) -> str:
        """The finding as a sentence."""


class ProbabilityLike(Protocol):
    """A tumor probability that can be brought to the scan's grid piece by piece."""

    def slabs(self, grid: Grid) -> Iterator[tuple[int, int, npt.NDArray[np.float16]]]:
        """Give (first, last + 1) slice and (I, J, last + 1 - first) probabilities in [0, 1]."""


class SegmentationLike(Protocol):
    """A result as the engine gives it."""

    @property
    def labels(self) -> LabelMap:
        """Organs and tumors on the scan's grid, AbdomenAtlas 2.0 numbers."""

    @property
    def lesions(self) -> Sequence[Lesion]:
        """Every tumor."""

    @property
    def findings(self) -> Sequence[FindingLike]:
        """One finding for every organ asked for."""

    @property
    def probabilities(self) -> Mapping[str, ProbabilityLike]:
        """Tumor probabilities by organ, where asked for."""

    @property
    def disagreement(self) -> Mapping[str, ProbabilityLike]:
        """How far tumor probabilities of several networks spread by organ, where asked for."""

    @property
    def provenance(self) -> Provenance:
        """Who made it."""
