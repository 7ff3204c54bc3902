"""Synthetic tumors on real scans: where one may lie, its shape, its densities, its border.

Everything happens on the scan's own grid, whatever its spacing and orientation: sizes are in mm,
work is done on a `Patch` cut around the tumor. Randomness comes from one generator that the caller
seeds. Needs numpy and scipy only; methods that need torch import it when they are used.
"""

from __future__ import annotations

from .base import AbstractMethod
from .methods import METHODS, find_method
from .painting import Painting
from .patch import Patch, cut_patch
from .placement import check_center, choose_center, find_allowed, find_room, largest_diameter
from .request import PAINTED, SIZE_CLASSES, TumorRequest, draw_diameter
from .shapes import SHAPES, Shape, ShapeMaker, find_shape

__all__ = [
    "METHODS",
    "PAINTED",
    "SHAPES",
    "SIZE_CLASSES",
    "AbstractMethod",
    "Painting",
    "Patch",
    "Shape",
    "ShapeMaker",
    "TumorRequest",
    "check_center",
    "choose_center",
    "cut_patch",
    "draw_diameter",
    "find_allowed",
    "find_method",
    "find_room",
    "find_shape",
    "largest_diameter",
]
