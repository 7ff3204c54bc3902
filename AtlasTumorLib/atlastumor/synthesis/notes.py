"""What a user should know of a synthetic tumor that came out otherwise than might be expected."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .result import SynthesisResult

__all__ = ["describe"]

_TOLERANCE = 0.1
_FAINT_HU = 10.0
_NEAR_MM = 2.0
_LEFT_OUT = 0.005


def describe(result: SynthesisResult) -> tuple[str, ...]:
    """Say what is to be known of a tumor.

    Args:
        result: The tumor, without notes yet.

    Returns:
        One sentence or two for each thing.
    """
    return tuple(_list_notes(result))


def _list_notes(result: SynthesisResult) -> Iterator[str]:
    request = result.request
    if abs(result.contrast_hu) < _FAINT_HU:
        yield (
            f"The tumor differs from its organ by {result.contrast_hu:+.0f} HU and will hardly be "
            "seen. Ask for a contrast if it should be."
        )
    relative = result.diameter_mm / request.diameter_mm
    left_out = _find_left_out(result)
    if request.is_painted and left_out > _LEFT_OUT:
        yield f"{left_out:.0%} of the painted shape was left out: no tumor may grow there."
    elif abs(relative - 1.0) > _TOLERANCE:
        yield (
            f"The tumor measures {result.diameter_mm:.1f} mm instead of "
            f"{request.diameter_mm:.1f}: the scan's voxels are too coarse for the size asked for."
        )
    rounding_mm = math.hypot(*result.scan.grid.spacing_mm) / 2.0
    if request.center_ras is not None and result.off_center_mm > _NEAR_MM + rounding_mm:
        yield (
            f"The tumor's middle lies {result.off_center_mm:.0f} mm from the place asked for: "
            "organ and vessels left more room on one side of it."
        )
    if request.mass_effect:
        yield "Mass effect moved organs' outlines in the label map, too."


def _find_left_out(result: SynthesisResult) -> float:
    """Share of the volume asked for that the tumor lacks; 0 where whole voxels cannot have it."""
    asked_mm3, got_mm3 = (
        math.pi / 6.0 * mm**3 for mm in (result.request.diameter_mm, result.diameter_mm)
    )
    is_rounding = asked_mm3 - got_mm3 <= math.prod(result.scan.grid.spacing_mm) / 2.0
    return 0.0 if is_rounding else 1.0 - got_mm3 / asked_mm3
