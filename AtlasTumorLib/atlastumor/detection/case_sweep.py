"""What a sweep of one organ in one case gives: a small table that any hit rule can be asked of.

A row holds for its threshold t and every theta below it down to the next row: candidates are
26-connected components of p >= theta. Rows are left out where nothing would change: every count,
every hit under every rule and threshold, every strict count is exact for every theta. Ratios and
volumes are those at t itself; until the next row, ratios stay within the same whole hundredth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .false_sizes import Spans
from .reference import ReferenceLesion
from .rules import GUARD_LESIONS, GUARD_ORGAN_TENTHS, HitRule

__all__ = ["CaseSweep", "SweepOptions", "Touches"]

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True)
class SweepOptions:
    """What is swept.

    Args:
        floor: Voxels below this probability are never candidates, in (0, 1].
        min_volume_mm3: Smaller components are dropped, mm3.
        max_thresholds: Keep at most this many rows, evenly among them; None keeps all. A sweep
            that lost rows says so (`CaseSweep.is_complete`).

    Raises:
        InputError: If a value is outside its range.
    """

    floor: float = 0.01
    min_volume_mm3: float = 30.0
    max_thresholds: int | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        if not 0.0 < self.floor <= 1.0:
            msg = f"The floor of a sweep is {self.floor}; give a probability in (0, 1]."
            raise InputError(msg)
        if not 0.0 <= self.min_volume_mm3 < np.inf:
            msg = f"The least volume is {self.min_volume_mm3} mm3; give 0 or more."
            raise InputError(msg)
        if self.max_thresholds is not None and self.max_thresholds < 2:
            msg = f"A sweep keeps at least 2 thresholds; got {self.max_thresholds}."
            raise InputError(msg)


@dataclass(frozen=True, eq=False)
class Touches:
    """Which component touches which lesion at which row; N of them, ordered by these three.

    Args:
        row: (N,) row of the sweep.
        component: (N,) the component's number; the same while its highest voxel is.
        lesion: (N,) column of the sweep.
        hundredths: (N,) IoU of the two, in whole hundredths rounded down.
        is_peak: (N,) whether the component's highest voxel lies in the lesion.
        is_center: (N,) whether its center lies within the lesion's equal-volume radius.
        is_counted: (N,) whether it touches no ignored region.
    """

    row: Ints
    component: Ints
    lesion: Ints
    hundredths: npt.NDArray[np.uint8]
    is_peak: Bools
    is_center: Bools
    is_counted: Bools


@dataclass(frozen=True, eq=False)
class CaseSweep:
    """One organ of one case at every threshold; T rows, L lesions.

    Components are those of the least volume or more.

    Args:
        case: Name of the case.
        organ: Key of the organ.
        thresholds: (T,) float32, strictly falling, none below the floor.
        n_components: (T,) number of components.
        n_false: (T,) of these, those that touch neither a lesion nor an ignored region.
        n_counted: (T,) of these, those that touch no ignored region.
        largest_ml: (T,) volume of the largest component, mL; 0 without any.
        lesions: The reference lesions.
        union_iou: (T, L) IoU of each lesion with the union of the components that touch it.
        best_iou: (T, L) IoU with the component with which it is highest.
        coverage: (T, L) share of the lesion that the components cover.
        any_overlap: (T, L) whether a component touches it.
        peak: (T, L) whether the highest voxel of a component lies in it. Of several highest
            voxels it is the first in the order of `[i, j, k]`.
        center: (T, L) whether the center of a component that touches it lies within its radius.
        touching_voxels: (T, L) voxels of the components that touch it.
        touches: Component by component, for strict counts.
        spans: Component by component, for sizes; of those that touch no ignored region.
        voxel_ml: Volume of a voxel, mL.
        organ_voxels: Voxels of the organ; None if not known.
        highest: Highest probability in the map.
        n_distinct: Number of distinct values at the floor and above.
        n_ignored: Number of ignored regions of the reference.
        options: How it was swept.
        is_complete: False if `max_thresholds` made it lose rows.
    """

    case: str
    organ: str
    thresholds: npt.NDArray[np.float32]
    n_components: Ints
    n_false: Ints
    n_counted: Ints
    largest_ml: Floats
    lesions: tuple[ReferenceLesion, ...]
    union_iou: Floats
    best_iou: Floats
    coverage: Floats
    any_overlap: Bools
    peak: Bools
    center: Bools
    touching_voxels: npt.NDArray[np.int64]
    touches: Touches
    spans: Spans
    voxel_ml: float
    organ_voxels: int | None
    highest: float
    n_distinct: int
    n_ignored: int
    options: SweepOptions
    is_complete: bool

    @property
    def is_clear(self) -> bool:
        """Whether the reference has no tumor at all, not even an ignored region."""
        return not self.lesions and not self.n_ignored

    @property
    def organ_ml(self) -> float | None:
        """Volume of the organ, mL; None if not known."""
        return None if self.organ_voxels is None else self.organ_voxels * self.voxel_ml

    @property
    def score(self) -> float:
        """The highest threshold at which there is a component; 0 if there never is one."""
        rows = np.flatnonzero(self.n_components)
        return float(self.thresholds[rows[0]]) if rows.size else 0.0

    def at(self, theta: float) -> int:
        """Find the row that holds at a threshold.

        Args:
            theta: Threshold; compared as float32.

        Returns:
            The row; -1 above the first row, where nothing is found.

        Raises:
            InputError: If the threshold lies below the floor, where nothing was swept.
        """
        if np.float32(theta) < np.float32(self.options.floor):
            msg = f"The threshold {theta} lies below the floor of the sweep, {self.options.floor}."
            raise InputError(msg)
        return int(np.count_nonzero(self.thresholds >= np.float32(theta))) - 1

    def hits(self, rule: HitRule) -> Bools:
        """Decide which lesions are found.

        Args:
            rule: Hit rule.

        Returns:
            (T, L).
        """
        columns: dict[str, npt.NDArray[Any]] = {
            "union-iou": self.union_iou,
            "best-iou": self.best_iou,
            "coverage": self.coverage,
            "any-overlap": self.any_overlap,
            "peak": self.peak,
            "center": self.center,
        }
        column = columns[rule.name]
        # A ratio of voxel numbers as float64 compares with a hundredth as the whole numbers do.
        hits: Bools = column if column.dtype == np.bool_ else column >= rule.threshold
        return hits & self.within_guard() if rule.guard else hits

    def hits_at(self, theta: float, rule: HitRule) -> Bools:
        """Decide which lesions are found at a threshold.

        Args:
            theta: Threshold; compared as float32.
            rule: Hit rule.

        Returns:
            (L,); none above the first row.

        Raises:
            InputError: If the threshold lies below the floor, where nothing was swept.
        """
        row = self.at(theta)
        return self.hits(rule)[row] if row >= 0 else np.zeros(len(self.lesions), bool)

    def within_guard(self) -> Bools:
        """Decide where the touching components are small enough for the guard.

        Returns:
            (T, L); true where nothing touches.
        """
        sizes = np.array([lesion.n_voxels for lesion in self.lesions], np.int64)
        small = self.touching_voxels <= GUARD_LESIONS * sizes
        if self.organ_voxels is not None:
            small |= 10 * self.touching_voxels <= GUARD_ORGAN_TENTHS * self.organ_voxels
        return small

    def n_strict(self, rule: HitRule) -> Ints:
        """Count false positives strictly: components without part in a hit.

        A component takes part if it touches a found lesion (union IoU, coverage, any overlap), or
        if it by itself hits a found lesion (best IoU, peak, center). One that touches an ignored
        region is never counted.

        Args:
            rule: Hit rule.

        Returns:
            (T,).
        """
        credited = np.bincount(self._credit(rule)[0], minlength=self.thresholds.size)
        return (self.n_counted - credited).astype(np.int32)

    def count_false_sizes(self, theta: float, rule: HitRule, *, strict: bool = False) -> Counts:
        """Count false positives by size at a threshold, exact at every one.

        Args:
            theta: Threshold; compared as float32.
            rule: Hit rule; matters for strict counts only.
            strict: As in `n_strict`; otherwise those that touch no lesion.

        Returns:
            (S,) one for each of `false_sizes.SIZE_TEXTS`.

        Raises:
            InputError: If the threshold lies below the floor, where nothing was swept.
        """
        row = self.at(theta)
        if not strict:
            return self.spans.count(theta)
        rows, components = self._credit(rule)
        return self.spans.count(theta, components[rows == row])

    def _credit(self, rule: HitRule) -> tuple[Ints, Ints]:
        """Rows and components that have a part in a hit there, each pair once."""
        touches = self.touches
        part = self.hits(rule)[touches.row, touches.lesion] & touches.is_counted
        if rule.name == "best-iou":
            part &= touches.hundredths >= rule.hundredths
        elif rule.name == "peak":
            part &= touches.is_peak
        elif rule.name == "center":
            part &= touches.is_center
        rows, components = touches.row[part], touches.component[part]
        first = np.ones(rows.size, bool)
        first[1:] = (np.diff(rows) != 0) | (np.diff(components) != 0)
        return rows[first], components[first]
