"""The columns of a sweep: pairs of components and lesions measured at the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .case_sweep import Touches
from .courses import Courses
from .pairs import Pairs, expand
from .rules import GUARD_LESIONS, GUARD_ORGAN_TENTHS

__all__ = ["LesionTable", "drop_repeats", "make_table"]

Bools = npt.NDArray[np.bool_]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LesionTable:
    """What a sweep says of lesions; T rows, L lesions.

    Args:
        sizes: (L,) voxels of each lesion.
        covered: (T, L) voxels of it that components cover.
        touching: (T, L) voxels of the components that touch it.
        best_iou: (T, L).
        peak: (T, L).
        center: (T, L).
        touches: Component by component.
    """

    sizes: Longs
    covered: Longs
    touching: Longs
    best_iou: npt.NDArray[np.float64]
    peak: Bools
    center: Bools
    touches: Touches

    @property
    def union(self) -> Longs:
        """Voxels of the lesion or of the components that touch it, (T, L)."""
        return self.sizes + self.touching - self.covered

    def columns(self) -> dict[str, Any]:
        """The fields of a `CaseSweep` that this table fills."""
        return {
            "union_iou": self.covered / self.union,
            "best_iou": self.best_iou,
            "coverage": self.covered / self.sizes,
            "any_overlap": self.covered > 0,
            "peak": self.peak,
            "center": self.center,
            "touching_voxels": self.touching,
            "touches": self.touches,
        }

    def only(self, rows: Bools) -> LesionTable:
        """Keep some rows.

        Args:
            rows: (T,) which.

        Returns:
            The table of these, renumbered.
        """
        touches = self.touches
        kept = rows[touches.row]
        number = (np.cumsum(rows) - 1).astype(np.int32)
        return LesionTable(
            self.sizes,
            self.covered[rows],
            self.touching[rows],
            self.best_iou[rows],
            self.peak[rows],
            self.center[rows],
            Touches(
                number[touches.row[kept]],
                touches.component[kept],
                touches.lesion[kept],
                touches.hundredths[kept],
                touches.is_peak[kept],
                touches.is_center[kept],
                touches.is_counted[kept],
            ),
        )


def make_table(pairs: Pairs, courses: Courses, rows: Longs) -> LesionTable:
    """Measure all pairs at the rows at which they hold.

    Args:
        pairs: Components and lesions.
        courses: Of the components.
        rows: (T,) levels, rising.

    Returns:
        The table.
    """
    pair, row = expand(np.searchsorted(rows, pairs.first), np.searchsorted(rows, pairs.stop))
    order = np.lexsort((pairs.lesion[pair], pairs.branch[pair], row))
    pair, row = pair[order], row[order]
    measures = pairs.measure(pair, rows[row])
    lesion, branch, sizes = pairs.lesion[pair], pairs.branch[pair], pairs.sizes
    shape = (rows.size, sizes.size)
    cell = row * sizes.size + lesion
    union = sizes[lesion] + measures.volume - measures.overlap
    is_center = measures.distance_mm <= pairs.radii_mm[lesion]
    is_peak = pairs.is_peak[pair]
    best = np.zeros(shape)
    np.maximum.at(best.reshape(-1), cell, measures.overlap / union)
    touches = Touches(
        row.astype(np.int32),
        branch.astype(np.int32),
        lesion.astype(np.int32),
        (100 * measures.overlap // union).astype(np.uint8),
        pairs.is_peak[pair],
        is_center,
        rows[row] < courses.ignored[branch],
    )
    return LesionTable(
        sizes,
        _sum(cell, measures.overlap, shape),
        _sum(cell, measures.volume, shape),
        best,
        _sum(cell, is_peak, shape) > 0,
        _sum(cell, is_center, shape) > 0,
        touches,
    )


def _sum(cell: Longs, values: npt.NDArray[Any], shape: tuple[int, int]) -> Longs:
    """Sum values that fall into the same cell of a table; exact for whole numbers."""
    sums = np.bincount(cell, weights=values, minlength=shape[0] * shape[1])
    return sums.astype(np.int64).reshape(shape)


def drop_repeats(
    table: LesionTable, counts: list[npt.NDArray[np.int32]], organ_voxels: int | None
) -> Bools:
    """Find the rows at which any outcome of any rule differs from the row above.

    Args:
        table: T rows.
        counts: Further columns, (T,) each.
        organ_voxels: Voxels of the organ, for the guard; None if not known.

    Returns:
        (T,) which rows to keep; a first row in which nothing is found is not.
    """
    small = table.touching <= GUARD_LESIONS * table.sizes
    if organ_voxels is not None:
        small |= 10 * table.touching <= GUARD_ORGAN_TENTHS * organ_voxels
    columns = [
        *(count[:, None] for count in counts),
        100 * table.covered // table.union,
        100 * table.covered // table.sizes,
        table.covered > 0,
        ~small,
        table.peak,
        table.center,
    ]
    differs = _touches_differ(table.touches, table.covered.shape[0])
    for column in columns:
        above = np.vstack([np.zeros((1, column.shape[1]), column.dtype), column[:-1]])
        differs |= (column != above).any(axis=1)
    return differs


def _touches_differ(touches: Touches, n_rows: int) -> Bools:
    """Rows whose touches are not those of the row above, (T,)."""
    counts = np.bincount(touches.row, minlength=n_rows)
    above = np.concatenate([np.zeros(1, np.int64), counts])[:n_rows]
    differs: Bools = counts != above
    at = np.flatnonzero(~differs[touches.row])
    twin = at - counts[touches.row[at]]
    fields = (
        touches.component,
        touches.lesion,
        touches.hundredths,
        touches.is_peak,
        touches.is_center,
        touches.is_counted,
    )
    for field in fields:
        differs[touches.row[at[field[at] != field[twin]]]] = True
    return differs
