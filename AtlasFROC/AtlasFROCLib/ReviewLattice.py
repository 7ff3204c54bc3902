"""How the voxels of the maps and of the volume node that shows them correspond.

Slicer's reader turns left-handed files, such as most of those written from DICOM by dcm2niix, into
right-handed nodes by flipping an axis. The voxels are the same ones, in another order.
"""

from dataclasses import dataclass

import numpy as np

from atlastumor.review import Outline
from atlastumor.volume import Grid

__all__ = ["Lattice", "findLattice"]

_TOLERANCE_MM = 0.02


@dataclass(frozen=True, eq=False)
class Lattice:
    """A swap and flips of axes.

    Args:
        node: Grid of the volume node.
        axes: For each axis of the maps the node's axis along the same line.
        flips: Whether the two run in opposite directions, for each axis of the maps.
    """

    node: Grid
    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def fromNode(self, array: np.ndarray) -> np.ndarray:
        """Bring an array (I, J, K) of the node into the order of the maps."""
        return np.transpose(array, self.axes)[self._steps()]

    def toNode(self, outline: Outline) -> tuple[np.ndarray, tuple[int, int, int]]:
        """Bring an outline into the order of the node.

        Args:
            outline: On the grid of the maps.

        Returns:
            Its voxels (I, J, K) and the node's voxel at which they start.
        """
        mask = np.transpose(outline.mask[self._steps()], np.argsort(self.axes))
        start = [0, 0, 0]
        for side, axis, isFlipped in zip(outline.box, self.axes, self.flips, strict=True):
            start[axis] = self.node.shape[axis] - side.stop if isFlipped else side.start
        return mask, (start[0], start[1], start[2])

    def _steps(self) -> tuple[slice, ...]:
        return tuple(slice(None, None, -1 if isFlipped else 1) for isFlipped in self.flips)


def findLattice(maps: Grid, node: Grid) -> Lattice | None:
    """Find out how a volume node's voxels are those of the maps.

    Args:
        maps: Grid of the maps.
        node: Grid of the volume node.

    Returns:
        The correspondence; None if the node has other voxels.
    """
    turn = (np.linalg.inv(node.affine) @ maps.affine)[:3, :3]
    axes = tuple(int(axis) for axis in np.argmax(np.abs(turn), axis=0))
    if len(set(axes)) < 3:
        return None
    flips = tuple(bool(turn[axis, own] < 0) for own, axis in enumerate(axes))
    toNode = np.zeros((4, 4))
    toNode[3, 3] = 1.0
    for own, (axis, isFlipped) in enumerate(zip(axes, flips, strict=True)):
        toNode[axis, own] = -1.0 if isFlipped else 1.0
        toNode[axis, 3] = node.shape[axis] - 1 if isFlipped else 0.0
    shape = (node.shape[axes[0]], node.shape[axes[1]], node.shape[axes[2]])
    same = Grid(shape, node.affine @ toNode).matches(maps, tolerance_mm=_TOLERANCE_MM)
    return Lattice(node, axes, flips) if same else None
