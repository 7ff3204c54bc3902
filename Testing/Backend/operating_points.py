"""An operating point as `froc` saves it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from atlastumor.detection.operating_point import OperatingPoint

_POINT = OperatingPoint(
    model_id="a-model",
    weights_sha256="0" * 64,
    organ="liver",
    threshold=0.25,
    data_set="validation",
    hit_rule="union-iou",
    hit_threshold=0.1,
    hit_guard=False,
    hit_text="A lesion is found if it is found.",
    false_positives="lenient",
    min_volume_mm3=30.0,
    floor=0.01,
    target="sensitivity >= 0.9",
    sensitivity=0.92,
    fp_per_scan=1.25,
    n_lesions=25,
    n_scans=20,
)


def make_point(**changes: Any) -> OperatingPoint:
    """The point, but for these fields."""
    return replace(_POINT, **changes)
