"""Lesions by size: the radius classes of the paper, and early tumors.

The size of a lesion is that of the ball of its volume. Lesions are put in classes; false positives
are not, as they have no lesion whose size they could take.

Source:
    Tumor sizes of DiffTumor (Chen et al., CVPR 2024) and AbdomenAtlas 2.0 (Chen et al., ICCV 2025),
    which overlap at their edges: 5 and 10 mm belong to the smaller class here, 20 mm to the larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .bootstrap import find_interval
from .rates import LEAST_TO_RESAMPLE, Rate, settle_interval, wilson

if TYPE_CHECKING:
    from .case_sweep import CaseSweep
    from .reference import ReferenceLesion
    from .rules import HitRule

__all__ = ["SIZE_BINS", "SizeBin", "measure_sizes"]

_LEAST_TO_JUDGE = 5


@dataclass(frozen=True)
class SizeBin:
    """One class of lesions.

    Args:
        key: Its name.
        text: Its bounds, for people.
        above_mm: Smallest radius.
        below_mm: Largest radius.
        with_lower: Whether the smallest radius itself belongs to it.
        with_upper: Whether the largest radius itself belongs to it.
    """

    key: str
    text: str
    above_mm: float = 0.0
    below_mm: float = np.inf
    with_lower: bool = False
    with_upper: bool = False

    def holds(self, lesion: ReferenceLesion) -> bool:
        """Whether a lesion belongs to this class."""
        return self.spans(lesion.radius_mm)

    def spans(self, radius_mm: float) -> bool:
        """Whether a radius belongs to this class."""
        low = radius_mm >= self.above_mm if self.with_lower else radius_mm > self.above_mm
        return low and (
            radius_mm <= self.below_mm if self.with_upper else radius_mm < self.below_mm
        )


SIZE_BINS = (
    SizeBin("tiny", "radius up to 5 mm", below_mm=5.0, with_upper=True),
    SizeBin("small", "radius over 5 and up to 10 mm", 5.0, 10.0, with_upper=True),
    SizeBin("medium", "radius over 10 and under 20 mm", 10.0, 20.0),
    SizeBin("large", "radius of 20 mm and more", 20.0, with_lower=True),
    SizeBin("early", "diameter under 20 mm", below_mm=10.0),
)
"""The four classes cover all lesions; "early" is a cut across them."""


def measure_sizes(
    sweeps: Sequence[CaseSweep],
    rule: HitRule,
    threshold: float,
    *,
    times: npt.NDArray[np.float32] | None = None,
) -> dict[str, Rate]:
    """Measure the sensitivity in each size class at one threshold.

    Args:
        sweeps: One per case, of one organ.
        rule: When a lesion counts as found.
        threshold: Candidates are p >= this.
        times: As `draw_cases` gives it; classes of ten lesions and more then get the bootstrap's
            interval, smaller ones and those with all or nothing found Wilson's, and those under
            five none.

    Returns:
        A rate by key of `SIZE_BINS`.
    """
    hits = [sweep.hits_at(threshold, rule) for sweep in sweeps]
    return {one.key: _measure(one, sweeps, hits, times) for one in SIZE_BINS}


def _measure(
    size: SizeBin,
    sweeps: Sequence[CaseSweep],
    hits: Sequence[npt.NDArray[np.bool_]],
    times: npt.NDArray[np.float32] | None,
) -> Rate:
    counts = np.zeros((2, len(sweeps)), np.float32)
    for n, (sweep, hit) in enumerate(zip(sweeps, hits, strict=True)):
        inside = np.array([size.holds(lesion) for lesion in sweep.lesions], bool)
        counts[:, n] = np.count_nonzero(hit & inside), np.count_nonzero(inside)
    n_hit, n_total = (int(total) for total in counts.sum(axis=1))
    if n_total < _LEAST_TO_JUDGE:
        return Rate(n_hit, n_total, None, "n too small")
    few = n_total < LEAST_TO_RESAMPLE or np.count_nonzero(counts[1]) < 2
    if few or n_hit in {0, n_total} or times is None:  # resampling cannot vary what all share
        return Rate(n_hit, n_total, wilson(n_hit, n_total), "Wilson")
    totals = times @ counts[1]
    samples = np.divide(
        times @ counts[0], totals, where=totals > 0, out=np.full_like(totals, np.nan)
    )
    low, high = settle_interval(find_interval(samples), n_hit, n_total)
    return Rate(n_hit, n_total, (float(low), float(high)), "bootstrap")
