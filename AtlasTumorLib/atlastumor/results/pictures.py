"""Pictures of a scan with its organs and tumors outlined."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..components import find_boxes, has_label
from ..lesions import Lesion, Position
from ..organs import ORGANS, RGB
from ..volume import LabelMap, Scan
from .drawing import BACKGROUND, draw_edges, draw_gray, draw_labels, draw_text
from .views import PLANES, Plane, Upright, find_body, make_upright

__all__ = ["draw_overview", "draw_slice", "find_best_point"]

_WINDOW_HU = (-160.0, 240.0)
_ORGAN_TINT, _TUMOR_TINT = 0.16, 0.3
_PANEL = (520, 640)  # largest width and height
_GAP, _TITLE, _ROW, _COLUMN = 12, 32, 26, 190


def draw_slice(
    scan: Scan,
    labels: LabelMap,
    point_ras: Position,
    *,
    plane: str = "axial",
    width: int = 480,
    window_hu: tuple[float, float] = _WINDOW_HU,
    extent_mm: float | None = None,
) -> Image.Image:
    """Draw the slice through a point, organs and tumors outlined.

    Args:
        scan: HU, (I, J, K).
        labels: Organs and tumors on its grid.
        point_ras: A point of the slice, RAS mm.
        plane: A key of `PLANES`.
        width: Of the picture, pixels.
        window_hu: Shown black and white.
        extent_mm: Width of what is shown around the point; None for the whole body.

    Returns:
        An RGB picture in radiological convention, pixels square in mm.
    """
    stage = _set_stage(scan, labels)
    at = stage.scan.locate(list(scan.grid.to_ijk(point_ras)))
    box = stage.body if extent_mm is None else _crop(stage.scan, at, extent_mm)
    view = PLANES[plane]
    scale = width / _extent_mm(stage.scan, view, box)[0]
    return _draw_plane(stage, view, at, box=box, scale=scale, window_hu=window_hu)


def draw_overview(scan: Scan, labels: LabelMap, *, lesions: Sequence[Lesion] = ()) -> Image.Image:
    """Draw one picture on which organs and tumors are seen: axial, coronal, and from in front.

    Args:
        scan: HU, (I, J, K).
        labels: Organs and tumors on its grid.
        lesions: Their measurements; the slices go through the largest.

    Returns:
        An RGB picture with a legend.
    """
    stage = _set_stage(scan, labels)
    at = stage.scan.locate(list(scan.grid.to_ijk(find_best_point(labels, lesions))))
    axial, coronal = PLANES["axial"], PLANES["coronal"]
    extents = [_extent_mm(stage.scan, plane, stage.body) for plane in (axial, coronal)]
    scale = min(_PANEL[0] / extents[0][0], _PANEL[1] / max(height for _, height in extents))
    panels = [
        _draw_plane(stage, plane, at, box=stage.body, scale=scale, window_hu=_WINDOW_HU)
        for plane in (axial, coronal)
    ]
    panels.append(_draw_front(stage, coronal, scale))
    titles = ("Axial slice", "Coronal slice", "All organs and tumors, from in front")
    return _compose(panels, titles, _list_legend(labels, lesions))


def find_best_point(labels: LabelMap, lesions: Sequence[Lesion]) -> Position:
    """Find a point worth looking at.

    Args:
        labels: Organs and tumors, (I, J, K).
        lesions: Their measurements.

    Returns:
        A point of the largest lesion, else the middle of the slices that show most organ, else of
        the volume; RAS mm.
    """
    if lesions:
        return max(lesions, key=lambda lesion: lesion.volume_ml).point_ras
    counts = [np.zeros(n, np.int64) for n in labels.grid.shape]
    for k in range(labels.grid.shape[2]):
        filled = labels.array[:, :, k] != 0
        counts[0] += np.count_nonzero(filled, axis=1)
        counts[1] += np.count_nonzero(filled, axis=0)
        counts[2][k] = np.count_nonzero(filled)
    voxel = [int(np.argmax(n)) if n.any() else len(n) // 2 for n in counts]
    r, a, s = (float(x) for x in labels.grid.to_ras(voxel))
    return r, a, s


@dataclass(frozen=True, eq=False)
class _Stage:
    """Scan and labels seen upright, and the box (R, A, S) that the body fills."""

    scan: Upright
    labels: Upright
    body: tuple[slice, slice, slice]


def _set_stage(scan: Scan, labels: LabelMap) -> _Stage:
    return _Stage(
        make_upright(scan.array, scan.grid),
        make_upright(labels.array, labels.grid),
        find_body(scan),
    )


def _crop(view: Upright, at: Sequence[int], extent_mm: float) -> tuple[slice, slice, slice]:
    """A cube around a voxel, moved and cut to lie within the volume."""
    sides = []
    for center, spacing, n in zip(at, view.spacing_mm, view.array.shape, strict=True):
        size = min(max(round(extent_mm / spacing), 1), n)
        start = min(max(center - size // 2, 0), n - size)
        sides.append(slice(start, start + size))
    return sides[0], sides[1], sides[2]


def _extent_mm(view: Upright, plane: Plane, box: Sequence[slice]) -> tuple[float, float]:
    """Width and height of a box seen in a plane, mm."""
    up_mm, across_mm = view.pixel_mm(plane)
    across, up = box[plane.across], box[plane.up]
    return (across.stop - across.start) * across_mm, (up.stop - up.start) * up_mm


def _draw_plane(
    stage: _Stage,
    plane: Plane,
    at: Sequence[int],
    *,
    box: Sequence[slice],
    scale: float,
    window_hu: tuple[float, float],
) -> Image.Image:
    """One slice; `scale` is pixels per mm."""
    cut = [slice(at[axis], at[axis] + 1) if axis == plane.axis else box[axis] for axis in range(3)]
    hu, values = (
        Upright.face(view.array[tuple(cut)].squeeze(plane.axis))
        for view in (stage.scan, stage.labels)
    )
    size = _to_size(_extent_mm(stage.scan, plane, box), scale)
    image = draw_gray(hu, size, low=window_hu[0], high=window_hu[1])
    draw_labels(image, _list_masks(values))
    draw_edges(image, plane.edges)
    return image


def _draw_front(stage: _Stage, plane: Plane, scale: float) -> Image.Image:
    """Mean along A of what is denser than fat, like a radiograph, under all silhouettes."""
    body = stage.scan.array[stage.body]
    thin = body[:, :: max(body.shape[1] // 96, 1)]
    rays = Upright.face(np.clip(thin, -100, 500).mean(axis=1, dtype=np.float32))
    low, high = (float(x) for x in np.percentile(rays, (5, 99.7)))
    size = _to_size(_extent_mm(stage.scan, plane, stage.body), scale)
    image = draw_gray(rays, size, low=low, high=max(high, low + 1.0) * 1.2)
    draw_labels(image, _list_silhouettes(stage, plane))
    draw_edges(image, plane.edges)
    return image


def _list_masks(values: npt.NDArray[Any]) -> Iterator[tuple[npt.NDArray[np.bool_], RGB, float]]:
    """Regions of labels: organs with their tumors first, then the tumors upon them."""
    for organ in ORGANS:
        yield has_label(values, (*organ.labels, organ.tumor_label)), organ.color, _ORGAN_TINT
    for organ in ORGANS:
        yield values == organ.tumor_label, organ.tumor_color, _TUMOR_TINT


def _list_silhouettes(
    stage: _Stage, plane: Plane
) -> Iterator[tuple[npt.NDArray[np.bool_], RGB, float]]:
    """Like `_list_masks`, for everything behind one another along the plane's axis."""
    array = stage.labels.array[stage.body]
    face = [n for axis, n in enumerate(array.shape) if axis != plane.axis]
    shadows: dict[int, npt.NDArray[np.bool_]] = defaultdict(lambda: np.zeros(face, np.bool_))
    for label, box in find_boxes(array).items():
        place = tuple(side for axis, side in enumerate(box) if axis != plane.axis)
        shadows[label][place] = (array[box] == label).any(axis=plane.axis)
    for organ in ORGANS:
        whole = np.any([shadows[label] for label in (*organ.labels, organ.tumor_label)], axis=0)
        yield Upright.face(whole), organ.color, _ORGAN_TINT
    for organ in ORGANS:
        yield Upright.face(shadows[organ.tumor_label]), organ.tumor_color, _TUMOR_TINT


def _to_size(extent_mm: tuple[float, float], scale: float) -> tuple[int, int]:
    return max(round(extent_mm[0] * scale), 8), max(round(extent_mm[1] * scale), 8)


def _list_legend(labels: LabelMap, lesions: Sequence[Lesion]) -> list[tuple[str, RGB]]:
    """Names and colors of what is in view."""
    present = find_boxes(labels.array)
    entries = [(o.name, o.color) for o in ORGANS if any(label in present for label in o.labels)]
    for organ in ORGANS:
        if organ.tumor_label in present:
            n = sum(lesion.organ == organ.key for lesion in lesions)
            count = f" ({n})" if n else ""
            entries.append((f"{organ.name} tumor{count}", organ.tumor_color))
    return entries


def _compose(
    panels: Sequence[Image.Image], titles: Sequence[str], legend: Sequence[tuple[str, RGB]]
) -> Image.Image:
    """Panels in columns under their titles, the legend below."""
    places, width, bottom = _arrange(panels)
    per_row = max((width - 2 * _GAP) // _COLUMN, 1)
    rows = -(-max(len(legend), 1) // per_row)
    image = Image.new("RGB", (width, bottom + _ROW * rows + 30), BACKGROUND)
    for panel, title, (left, top) in zip(panels, titles, places, strict=True):
        draw_text(image, title, (left, top - 15))
        image.paste(panel, (left, top))
    for n, (name, color) in enumerate(legend or [("No organ in view", BACKGROUND)]):
        x, y = _GAP + n % per_row * _COLUMN, bottom + _ROW // 2 + n // per_row * _ROW
        image.paste(color, (x, y - 7, x + 14, y + 7))
        draw_text(image, name, (x + 22, y))
    draw_text(image, "Not for clinical use.", (_GAP, image.height - 16), size=12)
    return image


def _arrange(panels: Sequence[Image.Image]) -> tuple[list[tuple[int, int]], int, int]:
    """Left upper corners of panels, flat ones below one another; then width and bottom of all."""
    limit = round(1.35 * max(panel.height for panel in panels))
    places: list[tuple[int, int]] = []
    left, top, right, bottom = _GAP, 0, _GAP, 0
    for panel in panels:
        if top and top + _TITLE + panel.height > limit:
            left, top = right + _GAP, 0
        places.append((left, top + _TITLE))
        top += _TITLE + panel.height
        right, bottom = max(right, left + panel.width), max(bottom, top)
    return places, right + _GAP, bottom + _GAP
