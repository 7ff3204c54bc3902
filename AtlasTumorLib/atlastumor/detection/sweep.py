"""Every threshold of a probability map at once, against the lesions of a reference.

One pass builds the branches of the map's components (`branches`); from these the levels at which
any outcome changes are found (`courses`, `refine`), and only there everything is measured. That is
exact for every distinct value of the map, and takes a few labelings' time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import GridMismatchError
from ..progress import Progress, ignore_progress, part_of
from .branches import Forest, grow_forest
from .case_sweep import CaseSweep, SweepOptions, Touches
from .courses import Counts, Courses, Levels, find_courses, find_marks
from .false_sizes import find_spans
from .foreground import find_foreground, list_parts
from .pairs import Pairs, find_pairs
from .reference import ReferenceLesions, count_fewest_voxels
from .refine import find_change_levels
from .table import drop_repeats, make_table

__all__ = ["CaseSweep", "SweepOptions", "Touches", "sweep_case"]

Longs = npt.NDArray[np.int64]


def sweep_case(
    case: str,
    organ: str,
    probability: npt.NDArray[Any],
    reference: ReferenceLesions,
    *,
    options: SweepOptions | None = None,
    organ_mask: npt.NDArray[np.bool_] | None = None,
    progress: Progress = ignore_progress,
) -> CaseSweep:
    """Sweep one organ of one case over all thresholds.

    Beside the map, memory follows the number of voxels at the floor and above.

    Args:
        case: Name of the case.
        organ: Key of the organ.
        probability: Of the organ's tumor, (I, J, K) in [0, 1]; compared as float32.
        reference: Lesions on the same grid.
        options: What is swept; None for the defaults.
        organ_mask: Where the organ is, (I, J, K); its volume serves the guard.
        progress: Told how far it is; may raise to stop.

    Returns:
        The sweep; no rows where no component ever reaches the least volume.

    Raises:
        GridMismatchError: If map, reference and organ are not of one shape.
        InputError: If the map holds NaN or values outside [0, 1].
    """
    options = options or SweepOptions()
    _check_shapes(probability, reference, organ_mask)
    organ_voxels = None if organ_mask is None else int(np.count_nonzero(organ_mask))
    pairs, courses = _analyze(probability, reference, options, part_of(progress, 0.0, 0.9))
    columns = _tabulate(pairs, courses, organ_voxels, options)
    value = pairs.levels.value
    sweep = CaseSweep(
        case=case,
        organ=organ,
        lesions=reference.lesions,
        voxel_ml=reference.voxel_ml,
        organ_voxels=organ_voxels,
        highest=float(value[0] if value.size else np.float32(probability.max())),
        n_distinct=value.size,
        n_ignored=reference.n_ignored,
        options=options,
        **columns,
    )
    progress(1.0, "counting")
    return sweep


def _analyze(
    probability: npt.NDArray[Any],
    reference: ReferenceLesions,
    options: SweepOptions,
    progress: Progress,
) -> tuple[Pairs, Courses]:
    """Find the map's components, what each counts as, and which lesions it touches."""
    voxels = find_foreground(probability, options.floor, progress=part_of(progress, 0.0, 0.3))
    forest = grow_forest(voxels, progress=part_of(progress, 0.3, 0.9))
    levels = Levels.of(voxels)
    marks = find_marks(voxels, reference)
    fewest = count_fewest_voxels(options.min_volume_mm3, reference.spacing_mm)
    courses = find_courses(forest, levels, marks, fewest)
    pairs = find_pairs(forest, levels, reference, marks, courses)
    progress(1.0, "counting")
    return pairs, courses


def _tabulate(
    pairs: Pairs, courses: Courses, organ_voxels: int | None, options: SweepOptions
) -> dict[str, Any]:
    """Find the rows and fill every column of the sweep."""
    counts = _count(courses)
    rows, is_complete = _choose_rows(pairs, counts, organ_voxels, options)
    table = make_table(pairs, courses, rows)
    numbers = [count.at(rows) for count in counts]
    kept = drop_repeats(table, numbers, organ_voxels)
    rows, table = rows[kept], table.only(kept)
    n_components, n_false, n_counted = (column[kept] for column in numbers)
    largest = _find_largest(pairs.forest, pairs.levels, rows, n_components)
    return {
        "thresholds": pairs.levels.value[rows],
        "n_components": n_components,
        "n_false": n_false,
        "n_counted": n_counted,
        "largest_ml": largest * pairs.reference.voxel_ml,
        "spans": find_spans(pairs.forest, pairs.levels, courses, pairs.reference),
        "is_complete": is_complete,
        **table.columns(),
    }


def _check_shapes(
    probability: npt.NDArray[Any],
    reference: ReferenceLesions,
    organ_mask: npt.NDArray[np.bool_] | None,
) -> None:
    """Refuse arrays of different shapes."""
    others = {"reference": reference.shape}
    if organ_mask is not None:
        others["organ"] = organ_mask.shape
    for name, shape in others.items():
        if shape != probability.shape:
            msg = (
                f"The probability map has the shape {probability.shape} and the {name} {shape}. "
                "Bring both onto one grid first."
            )
            raise GridMismatchError(msg)


def _count(courses: Courses) -> list[Counts]:
    """All components, those false, and those that touch no ignored region."""
    counted = np.minimum(courses.end, courses.ignored)
    stops = (courses.end, np.minimum(counted, courses.lesion), counted)
    return [Counts(courses.big, stop) for stop in stops]


def _choose_rows(
    pairs: Pairs,
    counts: list[Counts],
    organ_voxels: int | None,
    options: SweepOptions,
) -> tuple[Longs, bool]:
    """Levels to measure at, rising, and whether these are all that are needed."""
    changes = [count.changes for count in counts]
    rows = np.unique(np.concatenate([*changes, find_change_levels(pairs, organ_voxels)]))
    rows = rows[rows < pairs.levels.end.size]
    most = options.max_thresholds
    if most is None or rows.size <= most:
        return rows, True
    return rows[np.linspace(0, rows.size - 1, most).round().astype(np.int64)], False


def _find_largest(
    forest: Forest, levels: Levels, rows: Longs, n_components: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """Voxels of the largest component at levels; 0 where none has the least volume."""
    volume = np.empty_like(forest.volume)
    for part in list_parts(volume.size):
        volume[forest.key[part] & 0xFFFFFFFF] = forest.volume[part]
    largest = np.maximum.accumulate(volume)[levels.end[rows] - 1].astype(np.float64)
    return np.where(n_components > 0, largest, 0.0)
