"""What a sweep must give, found the plain way: label the map anew at every threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import ndimage

from atlastumor.detection.reference import ReferenceLesions
from atlastumor.detection.rules import HitRule

TOUCHING = np.ones((3, 3, 3), bool)


@dataclass(frozen=True)
class Component:
    n_voxels: int
    overlaps: dict[int, int]
    peak_part: int
    center_ijk: tuple[float, ...]
    is_ignored: bool


def full_parts(reference: ReferenceLesions) -> np.ndarray:
    """The parts of a reference on its full grid."""
    return reference.parts_in(tuple(slice(0, n) for n in reference.shape))


def find_components(
    probability: np.ndarray, threshold: np.float32, parts: np.ndarray, fewest: int
) -> list[Component]:
    """All components of p >= threshold that have enough voxels."""
    labels, n = ndimage.label(probability >= threshold, TOUCHING)
    found = []
    for label in range(1, n + 1):
        inside = np.argwhere(labels == label)
        if len(inside) < fewest:
            continue
        values = probability[tuple(inside.T)]
        lies_in = parts[tuple(inside.T)]
        overlaps = {int(p): int((lies_in == p).sum()) for p in set(lies_in.tolist()) if p > 0}
        center = tuple(float(x) for x in inside.mean(axis=0))
        peak = int(lies_in[int(np.argmax(values))])
        found.append(Component(len(inside), overlaps, peak, center, bool((lies_in < 0).any())))
    return found


def iou(component: Component, number: int, reference: ReferenceLesions) -> Fraction:
    """IoU of a component and a lesion."""
    shared = component.overlaps.get(number, 0)
    size = reference.lesions[number - 1].n_voxels
    return Fraction(shared, size + component.n_voxels - shared)


def has_center(component: Component, number: int, reference: ReferenceLesions) -> bool:
    """Whether a component touches a lesion and has its center within the lesion's radius."""
    lesion = reference.lesions[number - 1]
    away = [
        (a - b) * s
        for a, b, s in zip(
            component.center_ijk, lesion.center_ijk, reference.spacing_mm, strict=True
        )
    ]
    return number in component.overlaps and math.hypot(*away) <= lesion.radius_mm


def is_found(
    number: int,
    components: list[Component],
    reference: ReferenceLesions,
    rule: HitRule,
    organ_voxels: int | None,
) -> bool:
    """Whether a rule holds for a lesion."""
    size = reference.lesions[number - 1].n_voxels
    touching = [c for c in components if number in c.overlaps]
    shared = sum(c.overlaps[number] for c in touching)
    together = sum(c.n_voxels for c in touching)
    fits_organ = organ_voxels is not None and together <= Fraction(3, 10) * organ_voxels
    if rule.guard and together > 10 * size and not fits_organ:
        return False
    limit = Fraction(rule.hundredths, 100)
    return {
        "union-iou": Fraction(shared, size + together - shared) >= limit,
        "best-iou": any(iou(c, number, reference) >= limit for c in touching),
        "coverage": Fraction(shared, size) >= limit,
        "any-overlap": bool(touching),
        "peak": any(c.peak_part == number for c in components),
        "center": any(has_center(c, number, reference) for c in components),
    }[rule.name]


def takes_part(
    component: Component, found: set[int], reference: ReferenceLesions, rule: HitRule
) -> bool:
    """Whether a component has a part in a hit."""
    limit = Fraction(rule.hundredths, 100)
    return any(
        {
            "best-iou": iou(component, number, reference) >= limit,
            "peak": component.peak_part == number,
            "center": has_center(component, number, reference),
        }.get(rule.name, True)
        for number in found & set(component.overlaps)
    )


def count_strict(
    components: list[Component], found: set[int], reference: ReferenceLesions, rule: HitRule
) -> int:
    """False positives, strictly."""
    return sum(not c.is_ignored and not takes_part(c, found, reference, rule) for c in components)
