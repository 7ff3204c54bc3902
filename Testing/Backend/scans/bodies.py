"""A small body on a grid of choice: what passes for CT with the least voxels."""

from __future__ import annotations

import numpy as np

from atlastumor.volume import Grid, Scan

SHAPE = (40, 34, 12)
SPACING_MM = (2.0, 2.5, 4.0)


def a_body(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """HU of soft tissue in a rim of fat in air, with noise and one bright corner; int16."""
    i, j, _ = np.indices(shape)
    radius = np.hypot((i / (shape[0] - 1) - 0.5), (j / (shape[1] - 1) - 0.5))
    hu = np.select([radius < 0.36, radius < 0.45], [50.0, -100.0], -1000.0)
    hu += np.random.default_rng(7).normal(0, 15, shape)
    hu[2:6, 3:7, 1:4] = 400  # so that no flip or swap of axes goes unseen
    return np.maximum(hu.round(), -1024).astype(np.int16)


def an_affine(axcodes: str = "LPS", *, oblique: bool = False) -> np.ndarray:
    """Axes along the named directions with SPACING_MM, off center; turned in space if oblique."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, letter in enumerate(axcodes):
        world = "RAS".find(letter) if letter in "RAS" else "LPI".find(letter)
        affine[world, axis] = SPACING_MM[axis] * (1 if letter in "RAS" else -1)
    affine[:3, 3] = (31.5, -42.25, 103.0)
    if oblique:
        a, b = np.radians([17.0, -9.0])
        turn_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        turn_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
        affine[:3, :3] = turn_x @ turn_z @ affine[:3, :3]
    return affine


def a_scan(axcodes: str = "LPS", *, oblique: bool = False) -> Scan:
    """The body as a scan."""
    return Scan(a_body(), Grid(SHAPE, an_affine(axcodes, oblique=oblique)))
