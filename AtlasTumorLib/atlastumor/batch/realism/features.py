"""What is measured of a tumor: a row per feature in `FEATURES`, and a function that measures all.

Codes in brackets are those of the Image Biomarker Standardisation Initiative (IBSI; Zwanenburg et
al., Radiology 295, 2020). Features without a code are our own and defined here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from ...components import Mask
from ...detection.surfels import find_surfels
from .texture import BIN_HU, find_differences, resample_evenly
from .view import TumorView

__all__ = ["FEATURES", "Feature", "measure_features"]

_FEWEST = 50  # voxels of organ, or pairs at a border, from which a mean means something
_FAINT_HU = 10.0


@dataclass(frozen=True)
class Feature:
    """One number of a tumor.

    Args:
        key: Column of the tables.
        title: Shown to people.
        unit: Of the number; empty for a ratio.
        meaning: Its definition, in a sentence.
        is_size: Whether it tells size, which is asked for and thus says nothing of realism.
        is_log: Whether tumors are told apart by its logarithm: it spans powers of ten.
    """

    key: str
    title: str
    unit: str
    meaning: str
    is_size: bool = False
    is_log: bool = False


FEATURES: tuple[Feature, ...] = (
    Feature(
        "volume_ml",
        "Volume",
        "mL",
        "Voxels times the volume of one [YEKZ].",
        is_size=True,
        is_log=True,
    ),
    Feature(
        "diameter_mm",
        "Diameter",
        "mm",
        "Of the ball of equal volume.",
        is_size=True,
        is_log=True,
    ),
    Feature(
        "sphericity",
        "Sphericity",
        "",
        "Surface of the ball of equal volume over its own [QCFX], the volume by counting voxels.",
    ),
    Feature("mean_hu", "Mean", "HU", "Mean density [Q4LE]."),
    Feature("sd_hu", "SD", "HU", "Standard deviation of density: root of the variance [ECT3]."),
    Feature("skewness", "Skewness", "", "Skewness of density [KE2A]."),
    Feature("p10_hu", "10th percentile", "HU", "Density below which a tenth of it lies [QG58]."),
    Feature("p90_hu", "90th percentile", "HU", "Density above which a tenth of it lies [8DWT]."),
    Feature(
        "contrast_hu",
        "Contrast to organ",
        "HU",
        "Mean density less the median of the organ's soft tissue 3 to 15 mm away.",
    ),
    Feature(
        "border_gradient_hu_per_mm",
        "Border gradient",
        "HU/mm",
        "Mean rise of density from a tumor voxel to the organ's beside it in the slice, per mm.",
    ),
    Feature(
        "border_width_mm",
        "Border width",
        "mm",
        "Contrast over border gradient: over which distance density would change at that rate; "
        "undefined below 10 HU of contrast. A blurred border is wide.",
        is_log=True,
    ),
    Feature(
        "detail_ratio",
        "Fine detail over organ's",
        "",
        "Root mean square of density less the mean of its four neighbors in the slice, in the "
        "tumor over in the organ: 1 if its grain is the scan's.",
        is_log=True,
    ),
    Feature(
        "texture_contrast",
        "Texture contrast",
        "",
        "Contrast [ACUI] of the co-occurrence matrix (3D, merged) at 1.5 mm and 10 HU a level.",
        is_log=True,
    ),
    Feature(
        "texture_homogeneity",
        "Texture homogeneity",
        "",
        "Inverse difference moment [WF0Z] of that matrix: 1 where neighbors are equal.",
    ),
)
"""Everything that is measured, in the order of the tables."""


def measure_features(view: TumorView) -> dict[str, float]:
    """Measure a tumor.

    Args:
        view: It and what is around it.

    Returns:
        Values by the keys of `FEATURES`; NaN where one is not defined.
    """
    values = view.hu[view.tumor].astype(np.float64)
    organ_hu = float(np.median(view.hu[view.near])) if _enough(view.near) else math.nan
    contrast = float(values.mean()) - organ_hu
    gradient = _measure_gradient(view)
    p10, p90 = (float(x) for x in np.percentile(values, (10, 90)))
    return {
        **_measure_shape(view),
        "mean_hu": float(values.mean()),
        "sd_hu": float(values.std()),
        "skewness": float(stats.skew(values)) if np.ptp(values) > 0 else math.nan,
        "p10_hu": p10,
        "p90_hu": p90,
        "contrast_hu": contrast,
        "border_gradient_hu_per_mm": gradient,
        "border_width_mm": _measure_width(contrast, gradient),
        "detail_ratio": _measure_detail(view),
        **_measure_texture(view),
    }


def _enough(mask: Mask) -> bool:
    return int(np.count_nonzero(mask)) >= _FEWEST


def _measure_shape(view: TumorView) -> dict[str, float]:
    """Volume, diameter and sphericity."""
    volume_mm3 = float(np.count_nonzero(view.tumor)) * math.prod(view.spacing_mm)
    area_mm2 = float(find_surfels(np.pad(view.tumor, 1), view.spacing_mm).area_mm2.sum())
    return {
        "volume_ml": volume_mm3 / 1000.0,
        "diameter_mm": math.cbrt(6.0 / math.pi * volume_mm3),
        "sphericity": math.cbrt(36.0 * math.pi * volume_mm3**2) / area_mm2,
    }


def _measure_gradient(view: TumorView) -> float:
    """Mean rise from tumor to organ across faces in the slice, HU per mm; NaN for few faces."""
    rises: list[npt.NDArray[np.floating]] = [np.zeros(0)]
    for axis in view.in_plane:
        tumor, organ = (np.moveaxis(mask, axis, 0) for mask in (view.tumor, view.organ))
        rise = np.diff(np.moveaxis(view.hu, axis, 0), axis=0) / view.spacing_mm[axis]
        rises.append(rise[tumor[:-1] & organ[1:]])
        rises.append(-rise[organ[:-1] & tumor[1:]])
    found = np.concatenate(rises)
    return float(found.mean()) if found.size >= _FEWEST else math.nan


def _measure_width(contrast_hu: float, gradient: float) -> float:
    """How far a border reaches, mm; NaN where it cannot be told."""
    if not abs(contrast_hu) >= _FAINT_HU or not contrast_hu * gradient < 0:
        return math.nan
    return -contrast_hu / gradient


def _measure_detail(view: TumorView) -> float:
    """Fine detail of the tumor over that of its organ; NaN where either is too small."""
    a, b = view.in_plane
    detail = view.hu.copy()
    for axis in (a, b):
        for shift in (-1, 1):
            detail -= np.roll(view.hu, shift, axis) / 4.0
    tumor, organ = (_keep_inner(mask, (a, b)) for mask in (view.tumor, view.near))
    if not (_enough(organ) and tumor.any()):
        return math.nan
    ours, theirs = (float(np.sqrt(np.mean(detail[mask] ** 2))) for mask in (tumor, organ))
    return ours / theirs if theirs > 0 else math.nan


def _keep_inner(mask: Mask, axes: tuple[int, int]) -> Mask:
    """Voxels whose four neighbors in the slice belong to the mask, too."""
    inner = mask.copy()
    for axis in axes:
        moved = np.moveaxis(inner, axis, 0)
        source = np.moveaxis(mask, axis, 0)
        moved[[0, -1]] = False
        moved[1:-1] &= source[:-2] & source[2:]
    return inner


def _measure_texture(view: TumorView) -> dict[str, float]:
    """Contrast and homogeneity of the co-occurrence matrix; NaN if no two voxels touch."""
    hu, mask = resample_evenly(view.hu, view.tumor, view.spacing_mm)
    levels: npt.NDArray[np.int32] = np.floor(hu / BIN_HU).astype(np.int32)
    counts = find_differences(levels, mask)
    if counts.sum() == 0:
        return {"texture_contrast": math.nan, "texture_homogeneity": math.nan}
    apart = np.arange(len(counts), dtype=np.float64)
    share = counts / counts.sum()
    return {
        "texture_contrast": float(share @ apart**2),
        "texture_homogeneity": float(share @ (1.0 / (1.0 + apart**2))),
    }
