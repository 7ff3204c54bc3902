"""The levels at which anything about a lesion changes, without looking at every level.

Between two levels at which no component begins or stops to touch a lesion, components only grow:
overlap and what lies outside the lesion never fall, so ratios at the two ends bound those between.
Where the bounds fall into one hundredth nothing changes; elsewhere the span is halved. The answer
is exact, and its cost follows the number of changes, not the number of levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .pairs import Measures, Pairs, expand
from .rules import GUARD_LESIONS, GUARD_ORGAN_TENTHS

__all__ = ["find_change_levels"]

Bools = npt.NDArray[np.bool_]
Longs = npt.NDArray[np.int64]

_CLOSE_MM = 1e-6


@dataclass(frozen=True, eq=False)
class _Spans:
    """Levels from `first` to `last`, both in, of one lesion each; ordered by these; (N,) each."""

    lesion: Longs
    first: Longs
    last: Longs

    def only(self, mask: Bools) -> _Spans:
        """Those of a mask."""
        return _Spans(self.lesion[mask], self.first[mask], self.last[mask])


def find_change_levels(pairs: Pairs, organ_voxels: int | None) -> Longs:
    """Find every level at which an outcome of a lesion may differ from the level above.

    Args:
        pairs: Components and lesions.
        organ_voxels: Voxels of the organ, for the guard; None if not known.

    Returns:
        Levels, rising; between two of them every hit of every rule stays what it is.
    """
    k = pairs.levels.end.size
    events = np.unique(np.tile(pairs.lesion << 32, 2) | np.concatenate([pairs.first, pairs.stop]))
    found = [events & 0xFFFFFFFF]
    spans = _between(events)
    while spans.lesion.size:
        spans = spans.only(_may_change(pairs, spans, organ_voxels))
        adjacent = spans.last == spans.first + 1
        found.append(spans.last[adjacent])
        spans = _halve(spans.only(~adjacent))
    levels = np.unique(np.concatenate(found))
    return levels[levels < k]


def _between(events: Longs) -> _Spans:
    """Spans from each event of a lesion to the level before its next."""
    lesion, level = events >> 32, events & 0xFFFFFFFF
    follows = (lesion[1:] == lesion[:-1]) & (level[1:] > level[:-1] + 1)
    at = np.flatnonzero(follows)
    return _Spans(lesion[at], level[at], level[at + 1] - 1)


def _halve(spans: _Spans) -> _Spans:
    """Both halves of each span; the middle belongs to both."""
    middle = (spans.first + spans.last) // 2
    lesion = np.repeat(spans.lesion, 2)
    first = np.stack([spans.first, middle], axis=1).ravel()
    last = np.stack([middle, spans.last], axis=1).ravel()
    return _Spans(lesion, first, last)


def _may_change(pairs: Pairs, spans: _Spans, organ_voxels: int | None) -> Bools:
    """Which spans are not proven to be constant, (N,)."""
    n = spans.lesion.size
    key = (spans.lesion << 32) | spans.first
    begins = np.searchsorted(key, (pairs.lesion << 32) | pairs.first)
    stops = np.searchsorted(key, (pairs.lesion << 32) | pairs.stop)
    pair, span = expand(begins, stops)
    start = pairs.measure(pair, spans.first[span])
    end = pairs.measure(pair, spans.last[span])
    sizes = pairs.sizes
    changes = _ratio_may_change(
        start.overlap, end.overlap, start.volume, end.volume, sizes[pairs.lesion[pair]]
    )
    changes |= _center_may_change(pairs, pair, start, end)
    may = np.bincount(span[changes], minlength=n) > 0
    covered, last_covered, touching, last_touching = (
        np.bincount(span, weights=column, minlength=n).astype(np.int64)
        for column in (start.overlap, end.overlap, start.volume, end.volume)
    )
    size = sizes[spans.lesion]
    may |= _ratio_may_change(covered, last_covered, touching, last_touching, size)
    may |= 100 * covered // size != 100 * last_covered // size
    may |= (touching <= GUARD_LESIONS * size) != (last_touching <= GUARD_LESIONS * size)
    if organ_voxels is not None:
        limit = GUARD_ORGAN_TENTHS * organ_voxels
        may |= (10 * touching <= limit) != (10 * last_touching <= limit)
    return may


def _ratio_may_change(
    overlap: Longs, last_overlap: Longs, volume: Longs, last_volume: Longs, size: Longs
) -> Bools:
    """Whether the IoU may leave its hundredth between two levels."""
    lowest = 100 * overlap // (size + last_volume - last_overlap)
    highest = 100 * last_overlap // (size + volume - overlap)
    changes: Bools = lowest != highest
    return changes


def _center_may_change(pairs: Pairs, pair: Longs, start: Measures, end: Measures) -> Bools:
    """Whether the component's center may enter or leave the lesion's radius between two levels."""
    # The center of v voxels that become w moves by at most (w - v) / w of the grid's diagonal.
    reference = pairs.reference
    diagonal = float(np.linalg.norm(np.multiply(reference.shape, reference.spacing_mm)))
    moves = (end.volume - start.volume) / end.volume * diagonal + _CLOSE_MM
    radius = pairs.radii_mm[pairs.lesion[pair]]
    near: Bools = np.abs(start.distance_mm - radius) <= moves
    return near & (end.volume > start.volume)
