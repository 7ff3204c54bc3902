"""Which of many boxes reach into another one, without looking at each of them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator

from .components import Box

__all__ = ["BoxIndex"]

_BLOCK = 8
_Block = tuple[int, ...]


class BoxIndex:
    """Boxes in a volume by the blocks of 8 x 8 x 8 voxels that they touch.

    Thousands of specks, each asked for its neighbors, would otherwise be compared in pairs.
    """

    def __init__(self, boxes: Iterable[Box] = ()) -> None:
        """Add boxes.

        Args:
            boxes: (start, stop) along each axis, in voxels; numbered from 0 in this order.
        """
        self._n_boxes = 0
        self._boxes_at: defaultdict[_Block, list[int]] = defaultdict(list)
        for box in boxes:
            self.add(box)

    def add(self, box: Box) -> None:
        """Add a box.

        Args:
            box: Gets the next number.
        """
        for block in _blocks(box):
            self._boxes_at[block].append(self._n_boxes)
        self._n_boxes += 1

    def near(self, box: Box) -> list[int]:
        """Find the boxes that may overlap one.

        Args:
            box: Which part of the volume.

        Returns:
            Numbers of all boxes that overlap it and of some beside it, in rising order.
        """
        at = self._boxes_at
        return sorted({n for block in _blocks(box) if block in at for n in at[block]})


def _blocks(box: Box) -> Iterator[_Block]:
    """The blocks that a box touches."""
    return itertools.product(*(range(s.start // _BLOCK, -(-s.stop // _BLOCK)) for s in box))
