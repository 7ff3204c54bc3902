"""Telling left from right in paired organs, for networks that do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..components import Region, find_boxes, find_components, has_label
from ..organs import Organ
from ..volume import Grid
from .postprocess import join_boxes

__all__ = ["split_sides"]

Labels = npt.NDArray[np.uint8]

_LARGE_SHARE = 0.2
_LEAST_APART_MM = 40.0
_CROSSING_MM = 25.0


@dataclass(frozen=True, eq=False)
class _Part:
    """A connected part of both halves: where it lies along R, mm, and how many voxels it has."""

    region: Region
    center_mm: float
    low_mm: float
    high_mm: float
    n_voxels: int


def split_sides(labels: Labels, grid: Grid, organ: Organ, *, body_center_mm: float) -> None:
    """Give each connected part of a paired organ its side.

    The border is half-way between the two large parts where there are such, else the middle of the
    body. A part reaching 25 mm across it to both sides, such as a horseshoe kidney, is cut there.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K), the whole organ under its first value;
            changed in place.
        grid: Where its voxels lie.
        organ: A paired organ.
        body_center_mm: Middle of the body along R, RAS mm.
    """
    boxes = find_boxes(labels)
    present = [boxes[n] for n in (*organ.labels, organ.tumor_label) if n in boxes]
    if not present:
        return
    box = join_boxes(present)
    view = labels[box]
    union = has_label(view, (*organ.labels, organ.tumor_label)).view(np.uint8)
    i, j, k = (slice(0, n) for n in union.shape)
    start = np.array([side.start for side in box])
    parts = [_place(part, start, grid) for part in find_components(union, 1, (i, j, k))]
    border = _find_border(parts, body_center_mm)
    values = {side.key: side.label for side in organ.sides}
    for part in parts:
        inside = view[part.region.box]
        is_organ = part.region.mask & has_label(inside, organ.labels)
        if min(border - part.low_mm, part.high_mm - border) > _CROSSING_MM:
            is_right = _right_of(part, start, grid, border)
            inside[is_organ & is_right] = values["right"]
            inside[is_organ & ~is_right] = values["left"]
        else:
            inside[is_organ] = values["right" if part.center_mm > border else "left"]


def _place(region: Region, start: npt.NDArray[np.int64], grid: Grid) -> _Part:
    """Measure where a part lies along R."""
    mask = region.mask
    origin = start + [side.start for side in region.box]
    counts = [np.count_nonzero(mask, axis=axes) for axes in ((1, 2), (0, 2), (0, 1))]
    center = [float(np.arange(len(n)) @ n / n.sum()) for n in counts]
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in mask.shape])).reshape(3, -1).T
    reach = grid.to_ras(corners + origin)[:, 0]
    return _Part(
        region,
        float(grid.to_ras(np.array(center) + origin)[0]),
        float(reach.min()),
        float(reach.max()),
        int(counts[0].sum()),
    )


def _find_border(parts: Sequence[_Part], body_center_mm: float) -> float:
    """Where left ends and right begins along R, mm."""
    total = sum(part.n_voxels for part in parts)
    centers = [part.center_mm for part in parts if part.n_voxels >= _LARGE_SHARE * total]
    if max(centers, default=0.0) - min(centers, default=0.0) >= _LEAST_APART_MM:
        return (max(centers) + min(centers)) / 2
    return body_center_mm


def _right_of(
    part: _Part, start: npt.NDArray[np.int64], grid: Grid, border: float
) -> npt.NDArray[np.bool_]:
    """Which voxels of a part's box lie to the right of the border."""
    origin = start + [side.start for side in part.region.box]
    first = float(grid.to_ras(origin)[0])
    i, j, k = (
        np.arange(n, dtype=np.float32) * step
        for n, step in zip(part.region.mask.shape, grid.affine[0, :3], strict=True)
    )
    is_right = np.empty(part.region.mask.shape, np.bool_)
    for n, across in enumerate(i):  # plane by plane: as a whole it takes four bytes a voxel more
        is_right[n] = (across + j[:, None] + k) > border - first
    return is_right
