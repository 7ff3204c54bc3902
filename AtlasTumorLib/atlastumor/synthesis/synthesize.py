"""One tumor into one scan: a place, a shape, densities, and the border between them and the scan.

Neither scan nor label map is changed; the result holds copies that differ in one box. Everything
random follows from the request's seed, and each stage has a stream of its own: the same request
with a capsule has the same place, shape and texture as without.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..components import Box, Mask
from ..lesions import Lesion, measure_lesions
from ..organs import Organ, find_organ
from ..progress import CancelToken, Progress, ignore_progress, part_of
from ..volume import Grid, LabelMap, Scan, Source
from .base import AbstractMethod, OnStep
from .compositing import Composite, composite
from .densities import measure_density
from .ground import find_outgrowth
from .methods import find_method
from .notes import describe
from .painted import find_middle, make_painted
from .patch import Patch, check_grids, cut_patch, find_reach
from .placement import check_center, choose_center, find_room
from .request import TumorRequest
from .result import SYNTHETIC_NOTE, SynthesisResult
from .shape_types import Shape
from .shapes import find_shape

__all__ = ["synthesize"]


@dataclass(frozen=True, eq=False)
class _Site:
    """A patch and the shape found in it."""

    patch: Patch
    shape: Shape
    diameter_mm: float


def synthesize(
    scan: Scan,
    labels: LabelMap,
    request: TumorRequest,
    *,
    method: AbstractMethod | None = None,
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> SynthesisResult:
    """Grow a tumor in a scan.

    Args:
        scan: CT in HU, (I, J, K), any spacing and orientation; not changed.
        labels: Organs and tumors on its grid; not changed.
        request: What the tumor is to be like.
        method: The one that the request names, ready-made with weights in memory; None makes it.
        progress: Told how far it is.
        cancel: Stops the work between its steps, those of a diffusion model included.

    Returns:
        Copies with the tumor, and what it measures. The same input gives the same bytes.

    Raises:
        GridMismatchError: If scan and labels lie on different grids.
        UnknownKeyError: If there is no such method or shape.
        InputError: If the place cannot be used.
        PlacementError: If no tumor of this size fits; names the largest that does.
        AtlasTumorError: If the method cannot paint it.
        Cancelled: If `cancel` was set.
    """
    cancel = cancel or CancelToken()
    organ, method = find_organ(request.organ), _check_method(method, request)
    placing, painting, mixing = np.random.default_rng(request.seed).spawn(3)
    progress(0.0, "Finding a place")
    reach_mm = max(find_reach(request.diameter_mm), method.reach_mm)
    center = _find_center(scan, labels, organ, request, placing)
    cancel.check()
    patch = cut_patch(scan, labels, organ, center, reach_mm)
    site = _shape_tumor(scan.grid, patch, organ, request, placing)
    cancel.check()
    on_step = _watch(part_of(progress, 0.4, 0.7), cancel)
    painted = method.paint(site.patch, site.shape, request, painting, on_step=on_step)
    cancel.check()
    progress(0.7, "Blending it in")
    made = composite(site.patch, site.shape, painted, request, mixing)
    cancel.check()
    progress(0.9, "Writing it into the scan")
    result = _finish(scan, labels, organ, request, site, made)
    progress(1.0, "Writing it into the scan")
    return result


def _watch(progress: Progress, cancel: CancelToken) -> OnStep:
    """Let a method tell how far it is, and be stopped."""

    def on_step(fraction: float) -> None:
        cancel.check()
        progress(fraction, "Painting the tumor")

    return on_step


def _check_method(method: AbstractMethod | None, request: TumorRequest) -> AbstractMethod:
    """Check a request's shape; make the method that it names, or make sure that it was given."""
    if not request.is_painted:
        find_shape(request.shape)
    if method is None:
        return find_method(request.method)
    if method.name != request.method:
        msg = f"The request names the method '{request.method}' but '{method.name}' was given."
        raise ValueError(msg)
    return method


def _find_center(
    scan: Scan, labels: LabelMap, organ: Organ, request: TumorRequest, rng: np.random.Generator
) -> tuple[int, int, int]:
    """Find the place asked for, or draw one."""
    check_grids(scan, labels)
    if request.is_painted:
        return find_middle(scan.grid, request)
    if request.center_ras is not None:
        return check_center(scan, labels, organ, request.center_ras)
    return choose_center(scan, labels, organ, request, rng)


def _shape_tumor(
    grid: Grid, patch: Patch, organ: Organ, request: TumorRequest, rng: np.random.Generator
) -> _Site:
    """Shape the tumor around the patch's center."""
    if request.is_painted:
        shape = make_painted(grid, patch, organ, request)
    else:
        make, allowed = find_shape(request.shape), find_room(patch, organ, request)
        share = request.max_outside
        shape = make(patch, allowed, request.diameter_mm, rng, most_outside=share)
    return _Site(patch, shape, _measure_diameter(shape.mask, patch.voxel_mm3))


def _measure_diameter(mask: Mask, voxel_mm3: float) -> float:
    """Diameter of the ball of equal volume, mm."""
    return math.cbrt(6.0 / math.pi * np.count_nonzero(mask) * voxel_mm3)


def _finish(
    scan: Scan,
    labels: LabelMap,
    organ: Organ,
    request: TumorRequest,
    site: _Site,
    made: Composite,
) -> SynthesisResult:
    """Write the patch into copies and measure the tumor."""
    box = site.patch.box
    array = scan.array.copy(order="K")
    array[box][made.changed] = _to_stored(made.hu[made.changed], scan.array.dtype)
    label_array = labels.array.copy(order="K")
    label_array[box] = made.labels
    names = {**labels.names, organ.tumor_label: organ.tumor_files[0]}
    center = [side.start + x for side, x in zip(box, site.patch.center, strict=True)]
    r, a, s = (float(x) for x in scan.grid.to_ras(center))
    inside = array[box][site.shape.mask].astype(np.float64)
    contrast_hu = float(inside.mean()) - measure_density(site.patch, organ)
    lesion = _measure_lesion(site, made, organ, scan.grid)
    asked = (r, a, s) if request.center_ras is None else request.center_ras
    result = SynthesisResult(
        scan=Scan(array, scan.grid, _mark(scan.source, request)),
        labels=LabelMap(label_array, labels.grid, names),
        lesion=lesion,
        request=request,
        diameter_mm=site.diameter_mm,
        contrast_hu=contrast_hu,
        center_ras=(r, a, s),
        off_center_mm=math.dist(lesion.centroid_ras, asked),
        outgrowth_mm=find_outgrowth(organ, request),
        outside_share=float((~site.patch.organ)[site.shape.mask].mean()),
        box=box,
        margin_mm=made.margin_mm,
        original=scan.source,
    )
    return replace(result, notes=describe(result))


def _to_stored(
    hu: npt.NDArray[np.float32], dtype: np.dtype[Any]
) -> npt.NDArray[np.int16] | npt.NDArray[np.float32]:
    """Round to the scan's type, within its range."""
    if dtype == np.int16:
        return np.clip(np.rint(hu), -32768, 32767).astype(np.int16)
    return hu


def _mark(source: Source, request: TumorRequest) -> Source:
    """Say that a scan is synthetic; it refers to no DICOM file any more."""
    what = f"It was made by the method '{request.method}' with the seed {request.seed}."
    notes = (SYNTHETIC_NOTE, what, *source.notes)
    return replace(source, kind="memory", dicom_files=(), notes=notes)


def _measure_lesion(site: _Site, made: Composite, organ: Organ, grid: Grid) -> Lesion:
    """Measure the tumor alone, on the patch, and say where that lies in the scan."""
    start = [side.start for side in site.patch.box]
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_ras(start)
    others = made.labels == organ.tumor_label
    # Not organ in their place: of a paired one that would be one side's, whichever they are in.
    alone = np.where(others & ~site.shape.mask, np.uint8(0), made.labels)
    view = LabelMap(alone, Grid(site.patch.shape, affine), {})
    lesion = measure_lesions(view, organs=[organ], score_of=_unknown).lesions[0]
    i, j, k = ((a + x, b + x) for (a, b), x in zip(lesion.box, start, strict=True))
    return replace(lesion, box=(i, j, k))


def _unknown(_organ: Organ, _box: Box, _mask: Mask) -> float:
    return math.nan
