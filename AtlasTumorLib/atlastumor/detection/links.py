"""Which voxels may join what is higher around them: the saddles of a map, found without a graph.

A voxel can connect two components only if the higher ones of its 26 neighbors are not connected
among themselves already. All neighbors lie in the eight blocks of 2 x 2 x 2 around the voxel; all
voxels of one block touch each other, and two neighbors that touch lie in one block. So the higher
neighbors are as connected as the blocks that hold any, where two blocks are joined if the face
between them holds one: eight corners of a cube and its twelve edges, kept as bits. Of a map of
noise six voxels in a hundred pass, and all else is spared the search for basins that meet.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["find_blocks", "find_links", "list_steps"]

Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

# How much higher the number of a block's neighbor along each axis is; and the bits of those blocks
# that have one there.
_SHIFTS = (4, 2, 1)
_LOWER = (0x0F, 0x33, 0x55)
# Twice along each axis leads through a cube, but for few ways that wind more (1 in 200 voxels).
_ROUNDS = 2
# Share of a box's voxels, at which picking takes as long.
_FEW = 0.3


def list_steps(plane: int, row: int) -> list[int]:
    """List how far the eight blocks around a voxel are apart, by the bits of their numbers.

    Args:
        plane: Steps between neighbors along i.
        row: Steps between neighbors along j.

    Returns:
        From the block of number 0, in whose far corner the voxel lies, to each.
    """
    return [i + j + k for i, j, k in product((0, plane), (0, row), (0, 1))]


def find_blocks(height: Ints, plane: int, row: int) -> Ints:
    """Find the highest voxel of each block of 2 x 2 x 2.

    Args:
        height: (N,) of each voxel of a box, flat.
        plane: Steps between neighbors along i.
        row: Steps between neighbors along j.

    Returns:
        Its height by the block's first voxel, (N - plane - row - 1,).
    """
    return _widen(_widen(_widen(height, 1), row), plane)


def find_links(
    height: Ints, blocks: Ints, place: Longs, plane: int, row: int
) -> tuple[Longs, Bytes, Bytes]:
    """Find the voxels around which the higher ones may not be connected among themselves.

    Args:
        height: (N,) of each voxel of a box, flat; all different but for 0, the background.
        blocks: As `find_blocks` gives them.
        place: (V,) voxels of interest, counted from voxel `plane + row + 1` on.
        plane: Steps between neighbors along i.
        row: Steps between neighbors along j.

    Returns:
        Those of the places that may be saddles; all that are, and few others. The blocks around
        each, as bits, that are connected; and those not known to be connected with these.
    """
    steps = list_steps(plane, row)
    n = height.size - 2 * steps[-1]
    # To look at all voxels in a row is faster than to pick some, unless these are few.
    look = place if place.size < _FEW * n else slice(n)
    own = height[steps[-1] :][look]
    higher = np.zeros(own.size, np.uint8)
    for block, step in enumerate(steps):
        _mark(higher, blocks[step:][look] != own, 1 << block)
    joined = [_find_joined(height, own, look, steps, axis) for axis in range(3)]
    reached = higher & (~higher + np.uint8(1))  # the lowest bit: any block to start from
    for _ in range(_ROUNDS):
        for axis in range(3):
            _spread(reached, joined[axis], axis)
    is_saddle: Bools = reached != higher
    is_saddle &= own > 0
    at = np.flatnonzero(is_saddle)
    reached = reached.take(at)
    return at if look is not place else place.take(at), reached, higher.take(at) & ~reached


def _find_joined(
    height: Ints, own: Ints, look: slice | Longs, steps: list[int], axis: int
) -> Bytes:
    """Which of the eight blocks share a face along an axis that holds a higher voxel, as bits."""
    shift = _SHIFTS[axis]
    across, along = (steps[other] for other in _SHIFTS if other != shift)
    faces = _widen(_widen(height, along), across)[steps[shift] :]
    joined = np.zeros(own.size, np.uint8)
    for block, step in enumerate(steps):
        if not block & shift:
            _mark(joined, faces[step:][look] != own, (1 << block) | (1 << (block | shift)))
    return joined


def _widen(heights: Ints, step: int) -> Ints:
    """The higher of each and the one a step further."""
    widened: Ints = np.maximum(heights[:-step], heights[step:])
    return widened


def _mark(bits: Bytes, where: Bools, weight: int) -> None:
    """Set bits of some voxels; overwrites which."""
    weighted = where.view(np.uint8)
    weighted *= np.uint8(weight)
    bits |= weighted


def _spread(reached: Bytes, joined: Bytes, axis: int) -> None:
    """Reach the blocks that lie beside those reached along an axis and are joined to them."""
    shift, lower = _SHIFTS[axis], np.uint8(_LOWER[axis])
    down = reached & joined
    up: npt.NDArray[Any] = down & lower
    up *= np.uint8(1 << shift)  # several times faster than to shift to the left
    down >>= np.uint8(shift)
    down &= lower
    reached |= up
    reached |= down
