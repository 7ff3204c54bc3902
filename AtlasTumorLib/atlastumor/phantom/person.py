"""Who lies in the scanner: sex, size, fat and age, drawn before anything is painted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .canvas import Vector

__all__ = ["Person", "draw_person", "jitter"]


@dataclass(frozen=True)
class Person:
    """One body.

    Args:
        sex: "female" or "male".
        scale: Size relative to the standard body along R, A, S.
        fat_mm: Thickness of the subcutaneous fat at the flank.
        visceral_mm: How far visceral fat pushes the belly forward.
        muscle: Thickness of muscles relative to the standard body.
        age: 0 (young) to 1 (old); old aortas calcify.
        warp_mm: Amplitude of the smooth random warp.
    """

    sex: str
    scale: Vector
    fat_mm: float
    visceral_mm: float
    muscle: float
    age: float
    warp_mm: float


def draw_person(rng: np.random.Generator, sex: str | None = None) -> Person:
    """Draw a body; `sex` None lets chance choose."""
    chosen = sex or ("female" if rng.random() < 0.55 else "male")
    size = rng.normal(0.99 if chosen == "male" else 0.94, 0.04)
    fat = float(np.clip(rng.gamma(3.0, 6.0 if chosen == "female" else 4.5), 4.0, 48.0))
    scale = np.clip(size * rng.normal(1.0, 0.03, 3), 0.82, 1.12)
    return Person(
        sex=chosen,
        scale=(float(scale[0]), float(scale[1]), float(scale[2])),
        fat_mm=fat,
        visceral_mm=float(np.clip(rng.gamma(2.0, 7.0), 0.0, 42.0)),
        muscle=float(rng.uniform(0.75, 1.2)),
        age=float(rng.random()),
        warp_mm=float(rng.uniform(2.5, 5.0)),
    )


def jitter(rng: np.random.Generator, points: object, sigma_mm: float) -> list[list[float]]:
    """Move points a little.

    Args:
        rng: Source of randomness.
        points: In mm, (N, 3) or (3,).
        sigma_mm: Standard deviation along each axis.

    Returns:
        Rows of three, N of them.
    """
    array = np.atleast_2d(np.asarray(points, float))
    moved: list[list[float]] = (array + rng.normal(0, sigma_mm, array.shape)).tolist()
    return moved
